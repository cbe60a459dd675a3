"""Which actions `ief:batchjob:*` the keys have, by the answers to calls that need them.

Source: the IAM page of IEF names `create` and `delete`; the others are presumed by their pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import ApiError
from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.errors import CloudError

_NEEDED = {
    "list": "the function settles lost answers with it",
    "get": "the function follows jobs with it",
    "create": "the function sends jobs with it",
    "update": "jobs are stopped and continued with it",
    "delete": "only --create-on needs it",
}
_DENIED = frozenset({401, 403})
_NOT_FOUND = 404


def right_fact(action: str, error: CloudError | None) -> Fact:
    """Return whether an action is allowed.

    Args:
        action: What follows `ief:batchjob:`.
        error: How a call that needs it was refused; None if it was not.
    """
    name, assumed = f"right ief:batchjob:{action}", "granted"
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
            change=f"grant ief:batchjob:{action} to these keys: {_NEEDED[action]}",
        )
    if error.status == _NOT_FOUND:
        return compared(name, assumed, f"granted: {seen} for a job that does not exist", same=True)
    return unseen(name, assumed, f"unknown: {seen}")


def unseen_rights() -> Iterator[Fact]:
    """Yield the actions that only a call shows that changes something."""
    for action in ("create", "update", "delete"):
        yield unseen(f"right ief:batchjob:{action}", "granted", "only --create-on tells")
