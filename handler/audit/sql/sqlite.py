"""The audit log in one SQLite file: for local use, tests, or a function with one instance.

Every commit is one `BEGIN IMMEDIATE` transaction under WAL and synchronous FULL: no other writer
gets between reading the head and appending, and a commit that returned survives a power loss
(https://sqlite.org/pragma.html#pragma_synchronous). Threads share one connection behind a lock;
SQLite serialises processes.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.audit.format_version import VERSION
from handler.audit.record import Record
from handler.audit.sql import projection, statements
from handler.audit.sql.rows import paged, records_of
from handler.audit.sql.sqlite_migration import migrate, version_of
from handler.audit.sql.value_list import rows_for
from handler.audit.sql.view import SqlView
from handler.errors import LogBrokenError, LogBusyError, LogError, LogOutdatedError
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Committed, Decide, View

T = TypeVar("T")

OLDEST_SQLITE = (3, 37, 0)
"""The first release with STRICT tables."""

SCHEMA = Path(__file__).with_name("sqlite.sql")
"""The tables and views, as SQL."""

NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"}
    | {"fuse.sshfs", "fuse.s3fs", "fuse.obsfs", "fuse.glusterfs", "fuse.ceph"}
)
"""File systems whose locks SQLite cannot rely on (https://sqlite.org/wal.html, "Disadvantages")."""

_MOUNTS = Path("/proc/self/mounts")

_ANSWER_SECONDS = 1.0  # so that the platform gets an error, and delivers the event again
_DELIVERY_KEY = "json_extract(record, '$.delivery.key')"


class SqliteLog:
    """The audit log in one SQLite file, which is created if it is missing.

    Args:
        path: The file; its folder must exist.
        clock: The store's clock, aware.
        lock_timeout: Seconds to wait for other writers before `LogBusyError`.
        time_left: The seconds that are left for the caller, who needs some of them to answer.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        lock_timeout: float = 30.0,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise LogError(
                f"SQLite {sqlite3.sqlite_version} is too old for the audit log; it needs 3.37"
            )
        network = network_type(Path(path))
        if network:
            raise LogError(
                f"the audit log {path} is on a network file system ({network}), where SQLite's "
                "locks do not work; name a file on a local disk, or a postgresql:// log"
            )
        self._clock = clock
        self._lock = threading.RLock()
        self._path = path
        self._lock_timeout, self._time_left = lock_timeout, time_left
        self._wait = -1  # milliseconds; not known yet
        with translate_errors(path):
            self._db = _open(path, max(0.0, self._longest_wait()))

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and durably append its records before returning."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, each seeing those before it, as one append."""
        commit = os.urandom(16).hex()
        return self._transact(lambda view: projection.run_decisions(decisions, view, commit))

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:  # noqa: ARG002 - it always is
        """Return what `ask` reads from the current state; nothing is appended."""
        return self._transact(ask, "BEGIN")

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the bodies in the outbox by the keys of their jobs or deliveries."""
        with self._lock, translate_errors(self._path):
            return dict(rows_for(self._execute, statements.BODIES_OF, keys))

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`, in order."""
        return paged(self._page, after)

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records of some deliveries, in order."""
        with self._lock, translate_errors(self._path):
            found = records_of(self._execute, _DELIVERY_KEY, deliveries)
        yield from found

    def rebuild(self) -> None:
        """Rebuild the state from the records; the outbox keeps the bodies of open work."""
        self._transact(lambda view: projection.rebuild_state(view, self.records()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _page(self, after: int, size: int) -> list[Record]:
        with self._lock, translate_errors(self._path):
            return [Record(*row) for row in self._execute(statements.RECORDS_AFTER, (after, size))]

    def _transact(self, do: Callable[[SqlView], T], begin: str = "BEGIN IMMEDIATE") -> T:
        """Do something in one transaction and return what it returns."""
        with self._lock:
            try:
                self._set_wait(self._longest_wait())
                self._db.execute(begin)
                try:
                    self._require_own_layout()
                    done = do(SqlView(self._execute, self._clock(), has_all_records=True))
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.DatabaseError as error:
                raise _translated(error, self._path) from error
            return done

    def _longest_wait(self) -> float:
        """Return the seconds to wait for other writers, so that the caller can still answer."""
        return min(self._lock_timeout, self._time_left() - _ANSWER_SECONDS)

    def _set_wait(self, seconds: float) -> None:
        """Set how long SQLite waits for other writers; saying the same again would cost time."""
        wait = round(max(0.0, seconds) * 1000)
        if wait != self._wait:
            self._db.execute(f"PRAGMA busy_timeout = {wait}")
            self._wait = wait

    def _require_own_layout(self) -> None:
        if version_of(self._db) != VERSION:
            raise LogOutdatedError(
                f"another version of Nightdrop has migrated the audit log {self._path} since it "
                "was opened; nothing was written: stop one of the two versions, and open it again"
            )

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(values)).fetchall()


def _open(path: str | Path, lock_timeout: float) -> sqlite3.Connection:
    _create_private(path)
    db = sqlite3.connect(path, timeout=lock_timeout, isolation_level=None, check_same_thread=False)
    try:
        _use_wal(db, path, lock_timeout)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("BEGIN IMMEDIATE")
        migrate(db, SCHEMA.read_text(encoding="utf-8"), place=str(path))
        db.execute("COMMIT")
        _make_private(path)
    except BaseException:
        db.close()
        raise
    return db


def _create_private(path: str | Path) -> None:
    """Create a missing file, readable by its owner only: it will hold whole deployments."""
    if str(path) != ":memory:":
        with suppress(OSError):  # SQLite reports what is wrong; the file may exist
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _make_private(path: str | Path) -> None:
    """Remove the access of others to a log's files, if this user owns them."""
    for suffix in ("", "-wal", "-shm"):
        file = Path(f"{path}{suffix}")
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _use_wal(db: sqlite3.Connection, path: str | Path, lock_timeout: float) -> None:
    attempt = None
    while db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not _busy(error):
                raise
            # The switch to WAL does not wait for other openers by itself, whatever the timeout.
            from handler.audit.retry_policy import RetryPolicy

            attempt = attempt or RetryPolicy(lock_timeout).start(str(path))
            attempt.conflict()
        else:
            if mode != "wal":
                raise LogError(f"{path} cannot hold an audit log; name a file on a local disk")


def _busy(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _advice(error: sqlite3.OperationalError) -> str:
    """Return what to do, by SQLite's message: Python 3.10 does not expose its error codes."""
    text = str(error)
    if "disk" in text:
        return "; free space on its disk, or check whether the disk is failing"
    if "unable to open" in text or "readonly" in text:
        return "; it must be a writable file in an existing, writable folder"
    return ""


@contextmanager
def translate_errors(path: str | Path) -> Iterator[None]:
    """Raise SQLite's errors as errors of the log, with what to do about them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.DatabaseError, path: str | Path) -> LogError:
    if isinstance(error, sqlite3.OperationalError) and _busy(error):
        return LogBusyError(f"the audit log {path} is held by other writers: {error}")
    if isinstance(error, sqlite3.OperationalError):
        return LogError(f"the audit log {path} cannot be used: {error}{_advice(error)}")
    if isinstance(error, sqlite3.ProgrammingError):
        return LogError(f"the audit log {path} cannot be used: {error}")
    if isinstance(error, sqlite3.IntegrityError):
        return LogBrokenError(f"the audit log {path} rejects the change: {error}")
    return LogBrokenError(
        f"{path} is not an audit log, or it is damaged: {error}; restore it or name another file"
    )


def network_type(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the network file system that a path is on; "" for any other.

    Args:
        path: A file that need not exist yet.
        mounts: The kernel's list of mounts; without it every path counts as local.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    target = f"{path.resolve()}/"
    best, found = -1, ""
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        folder = mounted.replace("\\040", " ").rstrip("/") + "/"
        if target.startswith(folder) and len(folder) >= best:
            best, found = len(folder), kind
    return found if found in NETWORK_TYPES else ""
