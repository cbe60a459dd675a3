"""The audit log in an object store, for a deployment without a database.

An append at a known position is a compare-and-swap: it is refused if another writer was first. So a
commit decides on the known state and appends at the known end; if that is refused, it reads on and
decides again. If the answer is lost, reading on shows whether the records are in the log: only one
append can succeed at a position, and every record holds the hash of the one before.

Records are stored in segments, because an object in OBS takes 10,000 appends. A segment ends with a
`log.rolled` record, and a writer starts the next segment only after it has read that record.
"""

from __future__ import annotations

import threading
import uuid
from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.audit.objects.append_position import SegmentLimits, segment_name
from handler.audit.objects.committer import Committer
from handler.audit.objects.outbox import Outbox
from handler.audit.objects.record_lines import stored_records
from handler.audit.objects.replica import Replica
from handler.audit.objects.segment_reader import records_from
from handler.audit.objects.snapshot import snapshot_name
from handler.audit.record import part
from handler.audit.retry_policy import RetryPolicy
from handler.audit.sql import statements
from handler.audit.sql.value_list import rows_for
from handler.audit.sql.view import SqlView
from handler.errors import LogBrokenError, LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, View
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.record import Record

T = TypeVar("T")

SNAPSHOT_FOLDERS = ("snapshots/", "index/", "closed/")
"""The folders of snapshots; older code wrote to the last two."""


class ObjectLog:
    """The audit log in a folder of an object store, which may be empty.

    Threads share one replica behind a lock; instances are serialised by the store's appends.

    Args:
        objects: The folder.
        limits: When a segment ends.
        policy: How long a call is retried.
        new_commit: Returns an id that no other commit has.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        limits: SegmentLimits | None = None,
        policy: RetryPolicy | None = None,
        new_commit: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._objects = objects
        self._policy = policy or RetryPolicy()
        self._lock = threading.RLock()
        self._closed = False
        self._current = False
        """Whether the outcome of every commit of this instance is known and in the state."""
        self._replica = Replica(objects, self._retry)
        self._outbox = Outbox(objects, self._retry)
        self._committer = Committer(
            objects,
            self._replica,
            self._outbox,
            limits or SegmentLimits(),
            self._policy,
            new_commit,
        )

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append what it asks for, durably, before returning."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, each seeing the ones before it, as one append.

        Raises:
            LogBusyError: Other writers were first for too long; nothing was appended.
            LogUnreachableError: The store does not answer; the records may be in the log or not.
        """
        with self._lock:
            self._check_open()
            self._current = False
            committed = self._committer.commit(decisions)
            self._current = True
            return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return the result of a question about the state; append nothing.

        Args:
            ask: The question.
            fresh: Whether to read what other instances have recorded since the last commit or read.
                An append at the end of the log proves that nothing was missing then.
        """
        with self._lock:
            self._check_open()
            if fresh or not self._current:
                self._catch_up()
            return self._ask(ask)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the bodies in the outbox of jobs or deliveries, by their keys."""
        with self._lock:
            self._check_open()
            commits = self._replica.state.commits_of(keys)
            if len(commits) < len(set(keys)):
                self._catch_up()
                commits = self._replica.state.commits_of(keys)
            # By commit: one object holds all bodies that came with it.
            by_commit = sorted(commits.items(), key=lambda one: one[1])
            found = {key: self._outbox.get(commit, key) for key, commit in by_commit}
        return {key: body for key, body in found.items() if body is not None}

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`, in order."""
        with self._lock:
            self._check_open()
            segment = self._segment_of(after + 1)
        for record in records_from(segment, self._read, self._objects.place):
            if record.seq > after:
                yield record

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries, in order.

        Reads the segments from the first to the last record of each delivery, and all segments if
        one of them was forgotten. Of a delivery that was forgotten and came again, it yields the
        records since then.
        """
        with self._lock:
            self._check_open()
            if self._replica.cold:
                self._catch_up()
            segments = self._segments_of(list(deliveries))
        for segment in segments:
            data = self._read(segment_name(segment))
            if data is None:
                name = f"{self._objects.place}{segment_name(segment)}"
                raise LogBrokenError(f"{name} is gone; restore it")
            for record in stored_records(data, 0):
                if part(record.fields, "delivery").get("key") in deliveries:
                    yield record

    def rebuild(self) -> None:
        """Fold the state from the first record; the outbox keeps the bodies that are needed."""
        with self._lock:
            self._check_open()
            self._replica.fold()

    def rebuild_snapshot(self) -> None:
        """Fold the state, end the segment with a snapshot of it, and delete all older ones.

        Raises:
            LogError: The store cannot be used.
        """
        with self._lock:
            self._check_open()
            self._replica.fold()
            new = snapshot_name(self._replica.position.segment)
            old = [name for name in self._objects.names() if name.startswith(SNAPSHOT_FOLDERS)]
            self._committer.end_segment()
            for name in filter(new.__ne__, old):
                self._policy.retry(self._objects.place, partial(self._objects.delete, name))

    def close(self) -> None:
        """Release the state and the connections."""
        with self._lock:
            self._closed = True
            self._replica.close()
            self._objects.close()

    def _ask(self, ask: Callable[[SqlView], T]) -> T:
        state = self._replica.state
        state.begin()
        try:
            answer = ask(SqlView(state.execute, self._committer.now()))
        except BaseException:
            state.rollback()
            raise
        state.commit()
        return answer

    def _catch_up(self) -> None:
        self._replica.catch_up()
        self._current = True

    def _segment_of(self, seq: int) -> int:
        """Return the segment that has a record, as far as segments were read; else the last one."""
        return bisect_right(self._replica.begins, seq)

    def _segments_of(self, deliveries: Sequence[str]) -> list[int]:
        """Return the segments that may have records of some deliveries, in order."""
        rows = rows_for(self._replica.state.execute, statements.SPANS, deliveries)
        if len(rows) < len(set(deliveries)):
            end = self._replica.position
            return list(range(1, end.segment + (end.size > 0)))
        spans = [(self._segment_of(first), self._segment_of(last)) for first, last in rows]
        return sorted({number for first, last in spans for number in range(first, last + 1)})

    def _read(self, name: str) -> bytes | None:
        return self._retry(lambda: self._objects.read(name))

    def _retry(self, work: Callable[[], bytes | None]) -> bytes | None:
        return self._policy.retry(self._objects.place, work)

    def _check_open(self) -> None:
        if self._closed:
            raise LogError(f"the audit log {self._objects.place} is closed")
