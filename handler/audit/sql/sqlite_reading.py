"""Opens a SQLite log read-only, even on a read-only medium.

Reading a log in WAL mode needs an index of the WAL in shared memory, a file beside the log
(https://sqlite.org/wal.html, "Read-Only Databases"). Where that file cannot be created, a log
without a WAL is opened as immutable, and one with a WAL is copied first.
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

_DAMAGED = "{path} is not an audit log, or it is damaged: {error}"
_DAMAGE = frozenset({"malformed", "no such", "not a database", "encrypted"})


def open_read_only(path: str | Path) -> sqlite3.Connection:
    """Return a read-only connection; other processes may write at the same time.

    Raises:
        LogError: The file does not exist or cannot be read.
        LogBrokenError: The file is damaged or is not a database.
    """
    file = Path(path)
    if not file.is_file():
        raise LogError(f"there is no audit log at {path}; run the function once, or name another")
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
        raise LogError(f"the audit log {path} cannot be read: {error}") from error
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
