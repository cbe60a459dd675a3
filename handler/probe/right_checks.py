"""Which rights in IEF the keys have, by the answers to calls that need them.

Source: the IAM page of IEF names `ief:batchjob:create` and `:delete`; the others are presumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.http_transport import NOT_FOUND
from handler.cloud.ief.fleet import LIST_NODES
from handler.errors import ApiError
from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.errors import CloudError

_NEEDED = {
    "ief:batchjob:list": "the function settles lost answers with it",
    "ief:batchjob:get": "the function follows jobs with it",
    "ief:batchjob:create": "the function sends jobs with it",
    "ief:batchjob:update": "jobs are stopped and continued with it",
    "ief:batchjob:delete": "only --create-on needs it",
    LIST_NODES: "specs that name nodes by their names, or select them, need it",
}
_DENIED = frozenset({401, 403})


def right_fact(right: str, error: CloudError | None) -> Fact:
    """Return whether something is allowed.

    Args:
        right: Its name.
        error: How a call that needs it was refused; None if it was not.
    """
    name, assumed = f"right {right}", "granted"
    if error is None:
        return compared(name, assumed, assumed, same=True)
    if not isinstance(error, ApiError):
        return unseen(name, assumed, str(error))
    seen = f"{error.status} {error.code or 'without a code'}"
    if error.status in _DENIED:
        return compared(
            name,
            assumed,
            f"missing: {seen}",
            same=False,
            change=f"grant {right} to these keys: {_NEEDED[right]}",
        )
    if error.status == NOT_FOUND:
        return compared(name, assumed, f"granted: {seen} for a job that does not exist", same=True)
    return unseen(name, assumed, f"unknown: {seen}")


def unseen_rights() -> Iterator[Fact]:
    """Yield the actions that only a call shows that changes something."""
    for action in ("create", "update", "delete"):
        yield unseen(f"right ief:batchjob:{action}", "granted", "only --create-on tells")
