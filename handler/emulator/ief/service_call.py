"""One call of the service, its pages and its refusals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from handler.emulator.http.messages import RefusedError, Response, json_response

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request
    from handler.emulator.operation import Deviations, EmulatorContext

T = TypeVar("T")

_LARGEST_OFFSET = 2**31 - 1
# The codes for an unknown id and for what an edition lacks are not documented.
_NOT_FOUND = "IEF.100404"
_NOT_HERE = "IEF.100403"


class Paging(NamedTuple):
    """How many entries a page has: usually, and at most."""

    usual: int
    largest: int


# Documented for ListEdgeNodes; ListBatchJob documents no limits and uses the same.
_NODE_PAGES = Paging(500, 1000)


@dataclass(frozen=True)
class IefCall:
    """A checked request, with what its path names and how the answer deviates."""

    context: EmulatorContext
    request: Request
    names: dict[str, str]
    deviations: Deviations


def need_enterprise(call: IefCall) -> None:
    """Refuse a request without an instance of the enterprise edition, which the header names."""
    if not call.request.header("ief-instance-id"):
        raise refusal_error(400, _NOT_HERE, "the professional edition has no groups")


def existing(kind: str, found: T | None) -> T:
    """Return what was found.

    Raises:
        RefusedError: It is None.
    """
    if found is None:
        raise refusal_error(404, _NOT_FOUND, f"the {kind} does not exist")
    return found


def page_of(parameters: dict[str, str], paging: Paging = _NODE_PAGES) -> slice:
    """Return the part of a list that a query requests.

    Raises:
        RefusedError: Its offset or limit is not valid.
    """
    offset = _number(parameters.get("offset", "0"))
    limit = _number(parameters.get("limit", str(paging.usual)))
    if offset is None or offset > _LARGEST_OFFSET:
        raise refusal_error(400, "IEF.100004", "offset is not a number from 0")
    if limit is None or not 1 <= limit <= paging.largest:
        raise refusal_error(400, "IEF.100005", f"limit is not a number from 1 to {paging.largest}")
    return slice(offset, offset + limit)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def refusal_error(status: int, code: str, message: str) -> RefusedError:
    """Return the refusal of a request, to be raised."""
    return RefusedError(error_response(status, code, message))


def error_response(status: int, code: str, message: str) -> Response:
    """Return an answer with an error status."""
    return json_response(status, {"error_code": code, "error_msg": message})
