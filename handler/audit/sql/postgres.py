"""The audit log in PostgreSQL: for a function whose instances share one log.

Every commit is one transaction, read committed, that first waits for an advisory lock in a
statement of its own, so that the statements after it see everything committed before
(https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED). The lock ends
with the transaction, so that its next holder sees how the previous one ended.

A lost connection is reopened and the decisions run again, unless the records of the previous try
are in the log after all: their hashes are unique to this commit.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from psycopg.pq import TransactionStatus

from handler.audit.format_version import VERSION
from handler.audit.record import Record
from handler.audit.retry_policy import RetryPolicy
from handler.audit.sql import projection, statements
from handler.audit.sql.postgres_connection import (
    TAKE_LOCK,
    connect,
    parse_address,
    translate_errors,
)
from handler.audit.sql.postgres_migration import run_statement
from handler.audit.sql.rows import paged, records_of
from handler.audit.sql.value_list import rows_for
from handler.audit.sql.view import SqlView
from handler.errors import LogError, LogOutdatedError, LogUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, View

T = TypeVar("T")

_READ = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)
_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    TAKE_LOCK,
)
_NOW = "SELECT clock_timestamp(), nightdrop.version()"
_IN_LOG = "SELECT 1 FROM records WHERE seq = ? AND hash = ?"
_DELIVERY_KEY = "record::json -> 'delivery' ->> 'key'"


class PostgresLog:
    """The audit log in a PostgreSQL database that `nightdrop audit init` has prepared.

    Threads share one connection behind a lock; instances are serialised by the database.

    Args:
        address: `postgresql://user:password@host/database`, with libpq's options as its query.
        policy: How long to wait for other writers before `LogBusyError`, and for a lost connection
            before `LogUnreachableError`.

    Raises:
        LogUnreachableError: The server is unreachable or refuses the login.
        LogError: The address is invalid, or the database holds no audit log.
    """

    def __init__(self, address: str, *, policy: RetryPolicy | None = None) -> None:
        self._place = parse_address(address)
        self._policy = policy or RetryPolicy()
        self._lock = threading.RLock()
        self._closed = False
        self._db: psycopg.Connection[tuple[Any, ...]] = connect(self._place, self._policy.seconds)

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and durably append its records before returning."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, each seeing those before it, as one append.

        Raises:
            LogBusyError: Other writers held the log for too long; nothing was appended.
            LogUnreachableError: The connection was lost; the records may or may not be in
                the log.
        """
        commit = uuid.uuid4().hex
        done: tuple[Committed[Any], ...] = ()

        def append(view: SqlView) -> tuple[Committed[Any], ...]:
            nonlocal done
            if not _in_log(done, view):
                done = projection.run_decisions(decisions, view, commit)
            return done

        return self._transact(append, _WRITE)

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:  # noqa: ARG002 - it always is
        """Return what `ask` reads from the current state; nothing is appended."""
        return self._transact(ask, _READ)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the bodies in the outbox by the keys of their jobs or deliveries."""
        return dict(
            self._transact(lambda view: rows_for(view.execute, statements.BODIES_OF, keys), _READ)
        )

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`, in order."""
        return paged(
            lambda last, size: self._transact(lambda view: _page(view, last, size), _READ), after
        )

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records of some deliveries, in order."""
        yield from self._transact(
            lambda view: records_of(view.execute, _DELIVERY_KEY, deliveries), _READ
        )

    def rebuild(self) -> None:
        """Rebuild the state from the records; the outbox keeps the bodies of open work."""
        self._transact(
            lambda view: projection.rebuild_state(
                view, paged(lambda last, size: _page(view, last, size))
            ),
            _WRITE,
        )

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            self._db.close()

    def _transact(self, work: Callable[[SqlView], T], begin: Sequence[str]) -> T:
        """Run work in a transaction, and again in a new one if the connection was lost."""
        with self._lock:
            attempt = self._policy.start(self._place.shown)
            while True:
                try:
                    return self._once(work, begin)
                except LogUnreachableError:
                    if not attempt.wait():
                        raise

    def _once(self, work: Callable[[SqlView], T], begin: Sequence[str]) -> T:
        if self._closed:
            raise LogError(f"the audit log {self._place.shown} is closed")
        if self._db.closed:
            self._db = connect(self._place, self._policy.seconds)
        with translate_errors(self._place):
            try:
                for statement in begin:
                    self._execute(statement)
                # The clock is read under the lock, so that the times of records are in order.
                now, version = self._execute(_NOW)[0]
                self._require_own_layout(version)
                result = work(SqlView(self._execute, now, has_all_records=True))
                self._execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        return result

    def _require_own_layout(self, version: int) -> None:
        if version != VERSION:
            raise LogOutdatedError(
                f"another version of Nightdrop has migrated {self._place.shown} since it was "
                "opened; nothing was written: an instance of that version must handle the event"
            )

    def _roll_back(self) -> None:
        """Roll back, or close the connection, which releases its lock."""
        with suppress(psycopg.Error):
            self._db.execute("ROLLBACK")
        if self._db.info.transaction_status != TransactionStatus.IDLE:
            self._db.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return run_statement(self._db, statement, values)


def _in_log(done: Sequence[Committed[Any]], view: SqlView) -> bool:
    """Return whether the records of an earlier try are in the log."""
    records = [record for one in done for record in one.records]
    return bool(records) and bool(view.execute(_IN_LOG, (records[-1].seq, records[-1].hash)))


def _page(view: SqlView, after: int, size: int) -> list[Record]:
    return [Record(*row) for row in view.execute(statements.RECORDS_AFTER, (after, size))]
