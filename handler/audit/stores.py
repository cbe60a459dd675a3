"""Which store an address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.sqlite import SqliteLog
from handler.errors import LogError

if TYPE_CHECKING:
    from handler.audit.log import Log


def open_log(address: str) -> Log:
    """Open the log at an address such as `sqlite:///nightdrop.db`.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    scheme, _, path = address.partition(":///")
    if scheme == "sqlite" and path:
        return SqliteLog(path)
    kind = address.partition(":")[0]  # no more of it: an address may hold a password
    raise LogError(f"no audit log can be kept in {kind}; use sqlite:///file")
