"""Opens a log that exists, to write to it or to ask its state."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from handler.audit.open_log import SQLITE
from handler.audit.sql.sqlite_reading import ReadOnlySqliteLog, open_read_only
from handler.cli.open_stores import open_any_log
from handler.errors import LogError, LogOutdatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.log import Log, View

T = TypeVar("T")

_ANY_RECORD = "SELECT count(*) FROM (SELECT 1 FROM records LIMIT 1)"


class ReadableLog(Protocol):
    """A log, as far as a command needs it that only reads."""

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state, as `Log.read` does."""


@contextmanager
def open_to_read(address: str) -> Iterator[ReadableLog]:
    """Open a log that has records to ask its state; a SQLite file need not be writable.

    One with the tables of another version must be: they are rebuilt first.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
        LookupError: It is empty.
    """
    if not address.startswith(SQLITE):
        with open_existing(address) as log:
            yield log
        return
    file = ReadOnlySqliteLog(address.removeprefix(SQLITE))
    try:
        _require_records(file.read(lambda view: view.head).seq)
    except LogOutdatedError as outdated:
        _migrate(address, outdated)
    yield file


def _migrate(address: str, outdated: LogOutdatedError) -> None:
    """Open a log to write to it, which migrates it.

    Raises:
        LogError: It cannot be written to.
    """
    try:
        with open_existing(address):
            pass
    except LogError as error:
        raise LogError(f"{outdated}: {error}") from error


@contextmanager
def open_existing(address: str) -> Iterator[Log]:
    """Open a log that has records: after a typing error, a new one would be made.

    Raises:
        LogError: There is no log at the address, or it cannot be used.
        LookupError: It is empty.
    """
    if address.startswith(SQLITE):
        # Opening a SQLite log creates it.
        with closing(open_read_only(address.removeprefix(SQLITE))) as found:
            _require_records(found.execute(_ANY_RECORD).fetchone()[0])
    with closing(open_any_log(address)) as log:
        _require_records(log.read(lambda view: view.head).seq)
        yield log


def _require_records(last: int) -> None:
    if not last:
        raise LookupError("this audit log is empty; run the function once, or name another")
