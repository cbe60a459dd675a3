"""A SQLite log opened to be read alone, also where nothing may be written.

A log is in WAL mode, and whoever reads it needs an index of the WAL in shared memory, a file beside
it (https://sqlite.org/wal.html, "Read-Only Databases"). On a medium that cannot be written there is
no place for one: without a WAL the file is read as one that does not change, with one a copy is.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from handler.errors import LogBrokenError, LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAMAGE = frozenset({"malformed", "no such", "not a database", "encrypted"})


def open_reading(path: str | Path) -> sqlite3.Connection:
    """Return a connection that only reads; it sees what was committed, whoever writes meanwhile.

    Args:
        path: The file.

    Raises:
        LogError: There is no such file, or it cannot be read.
        LogBrokenError: It is damaged, or no database.
    """
    file = Path(path)
    if not file.is_file():
        raise LogError(f"there is no audit log at {path}; run the function once, or name another")
    with reading(file):
        return _opened(file)


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn SQLite's errors into the log's own: damage is told from what hinders reading.

    Raises:
        LogBrokenError: It is damaged, or no log.
        LogError: It cannot be read, for another reason.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if tells_of_damage(error):
            raise LogBrokenError(f"{path} holds no whole audit log: {error}") from error
        raise LogError(f"the audit log {path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise LogBrokenError(f"{path} is damaged or no audit log: {error}") from error
    except OSError as error:
        why = error.strerror or "no place for a copy"
        raise LogError(f"the audit log {path} cannot be read: {why}") from error


def tells_of_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error says that a file is damaged or no log, not out of reach."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    return any(word in str(error) for word in _DAMAGE)


def _opened(file: Path) -> sqlite3.Connection:
    uri = file.resolve().as_uri()
    try:
        return _tried(f"{uri}?mode=ro")
    except sqlite3.OperationalError:
        if file.with_name(f"{file.name}-wal").exists():
            return _copied(file)
        return _tried(f"{uri}?immutable=1")


def _tried(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _copied(file: Path) -> sqlite3.Connection:
    """Open a copy of the file and its WAL; the open file outlives its name."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / file.name
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
        db = sqlite3.connect(copy, isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")
        return db
