"""Opens a SQLite log read-only, even on a read-only medium.

Reading a log in WAL mode needs an index of the WAL in shared memory, a file beside the log
(https://sqlite.org/wal.html, "Read-Only Databases"). Where that file is missing and cannot be
created, nobody has the log open to write: one without a WAL is opened as immutable, and one with a
WAL is copied first. Such a connection does not see what is written later. Where the file is there
and cannot be read, neither can the log.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from handler.audit.format_version import VERSION
from handler.audit.sql.sqlite_migration import version_of
from handler.audit.sql.view import SqlView
from handler.errors import LogBrokenError, LogError, LogOutdatedError
from handler.values.canonical_json import utc_now
from handler.values.store_address import no_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from handler.audit.log import View

T = TypeVar("T")

_DAMAGED = "{path} is not an audit log, or it is damaged: {error}"
_OTHER_LAYOUT = (
    "the log has the tables of another version; the function, or `nightdrop status`, rebuilds them "
    "where it may write to the log"
)
_DAMAGE = frozenset({"malformed", "no such", "not a database", "encrypted"})
_DENIED = frozenset({"unable to open", "readonly"})


class ReadOnlySqliteLog:
    """The state of a log in a SQLite file that need not be writable.

    Args:
        path: The file.
        clock: The store's clock, aware.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._path, self._clock = path, clock

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:  # noqa: ARG002 - it always is
        """Return what `ask` reads from the state, at one moment.

        The file is opened each time, so that on a read-only medium, too, it is the current one.

        Raises:
            LogError: The file does not exist or cannot be read.
            LogBrokenError: The file is damaged or is not a log.
            LogOutdatedError: Its tables are of another version.
        """
        with translate_read_errors(self._path), closing(open_read_only(self._path)) as db:

            def execute(sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
                return db.execute(sql, tuple(values)).fetchall()

            db.execute("BEGIN")
            if version_of(db) != VERSION:
                raise LogOutdatedError(_OTHER_LAYOUT)
            return ask(SqlView(execute, self._clock(), has_all_records=True))


def open_read_only(path: str | Path) -> sqlite3.Connection:
    """Return a read-only connection; other processes may write at the same time.

    Raises:
        LogError: The file does not exist or cannot be read.
        LogBrokenError: The file is damaged or is not a database.
    """
    file = Path(path)
    if not file.is_file():
        raise LogError(no_log(path))
    with translate_read_errors(file):
        return _open(file)


@contextmanager
def translate_read_errors(path: str | Path) -> Iterator[None]:
    """Raise SQLite's errors as `LogBrokenError` for damage, else as `LogError`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if is_damage(error):
            raise LogBrokenError(_DAMAGED.format(path=path, error=error)) from error
        is_denied = any(word in str(error) for word in _DENIED)
        advice = "; it must be readable, and so must its -wal and -shm" if is_denied else ""
        raise LogError(f"the audit log {path} cannot be read: {error}{advice}") from error
    except sqlite3.DatabaseError as error:
        raise LogBrokenError(_DAMAGED.format(path=path, error=error)) from error
    except OSError as error:
        why = error.strerror or "there is no space for a copy"
        raise LogError(f"the audit log {path} cannot be read: {why}") from error


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error means that a file is damaged or is not a log."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    return any(word in str(error) for word in _DAMAGE)


def _open(file: Path) -> sqlite3.Connection:
    uri = file.resolve().as_uri()
    try:
        return _try_open(f"{uri}?mode=ro")
    except sqlite3.OperationalError:
        if file.with_name(f"{file.name}-shm").exists():  # somebody may have it open to write
            raise
        if file.with_name(f"{file.name}-wal").exists():
            return _open_copy(file)
        return _try_open(f"{uri}?immutable=1")


def _try_open(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _open_copy(file: Path) -> sqlite3.Connection:
    """Open a copy of the file and its WAL; deleting the copy does not close it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / file.name
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
        db = sqlite3.connect(copy, isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")
        return db
