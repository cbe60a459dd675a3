"""An HTTP request and its answer.

Path and query stay encoded, because signatures cover them as they were sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


@dataclass(frozen=True)
class Request:
    """An HTTP request.

    Path, query and the names of headers are as they were sent; the values of headers are decoded as
    UTF-8. `request_id` is the id that the emulator assigned.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    request_id: str = ""

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent, still percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """The decoded query; for a repeated name, the last value."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}

    def values(self, name: str) -> list[str]:
        """Return all values of a header; its name is not case-sensitive."""
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def header(self, name: str) -> str:
        """Return the first value of a header, "" if it is missing."""
        return next(iter(self.values(name)), "")


@dataclass(frozen=True)
class Response:
    """An HTTP answer; the length is added when it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The request is refused; `response` says why."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(status: int, value: Json) -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Response(status, body, {"Content-Type": "application/json; charset=utf-8"})
