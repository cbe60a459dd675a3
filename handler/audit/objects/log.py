"""The audit log in an object store: for the cloud, where no database is to be run.

An append at a known position is a compare-and-swap: it is refused when somebody appended first. So
a commit is: know the tail, decide, append there, and on refusal read on and decide again. Whatever
becomes of an answer, at one position one append can land, and its records carry the hash of the
record before them: reading on tells whether they stand.

Records stand in segments, since an object of OBS takes 10,000 appends. A segment ends with a record
like any other, `log.rolled`, and only who has read it writes to the next one.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.audit.objects.append_position import Limits, segment_name
from handler.audit.objects.committer import Committer
from handler.audit.objects.outbox import Outbox
from handler.audit.objects.record_lines import stored_records
from handler.audit.objects.replica import Replica
from handler.audit.objects.retry_policy import RetryPolicy
from handler.audit.objects.segment_reader import records_from, segment_of
from handler.audit.record import part
from handler.audit.search import find
from handler.audit.sql import projection
from handler.errors import LogBrokenError, LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, View
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.record import Record
    from handler.audit.state import DeliveryState

T = TypeVar("T")


class ObjectLog:
    """The audit log in a folder of an object store, which is empty at first.

    Threads share one replica behind a lock; instances are serialised by the store's appends.

    Args:
        objects: The folder; closed with the log.
        limits: When a segment has enough.
        patience: How long to wait for other writers, and for a store in trouble.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        limits: Limits | None = None,
        patience: RetryPolicy | None = None,
    ) -> None:
        self._objects = objects
        self._patience = patience or RetryPolicy()
        self._lock = threading.RLock()
        self._closed = False
        self._current = False
        """Whether all that was tried to be recorded here is in the state, or certainly nowhere."""
        self._replica = Replica(objects, self._insist)
        self._outbox = Outbox(objects, self._insist)
        self._committer = Committer(
            objects, self._replica, self._outbox, limits or Limits(), self._patience
        )

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append what it asks for, durably, before returning."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, each seeing the ones before it, as one append.

        Raises:
            LogBusyError: Other writers were first for too long; nothing was appended.
            LogUnreachableError: The store cannot be asked; the records may or may not stand.
        """
        with self._lock:
            self._check_open()
            self._current = False
            committed = self._committer.commit(decisions)
            self._current = True
            return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state; nothing is appended.

        Args:
            ask: Asks the view.
            fresh: Whether to look for what other instances have recorded since the last commit or
                look. An append at the end of the log proves that nothing was missing then.
        """
        with self._lock:
            self._check_open()
            if not fresh and self._current:
                with suppress(LogBrokenError):  # an index that was made anew has other tables
                    return self._ask(ask)
            self._catch_up()
            return self._ask(ask)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries, by their keys."""
        with self._lock:
            self._check_open()
            commits = self._replica.state.body_commits(keys)
            if len(commits) < len(set(keys)):
                self._catch_up()
                commits = self._replica.state.body_commits(keys)
            # By commit: one object holds all that came with it.
            ordered = sorted(commits.items(), key=lambda one: one[1])
            found = {key: self._outbox.get(commit, key) for key, commit in ordered}
        return {key: body for key, body in found.items() if body is not None}

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`, in order."""
        with self._lock:
            self._check_open()
            segment = segment_of(after + 1, self._replica.index)
        for record in records_from(segment, self._read, self._objects.place):
            if record.seq > after:
                yield record

    def find(self, what: str) -> tuple[DeliveryState, ...]:
        """Return the deliveries that somebody may mean by a name, an id or a key.

        What is open or was closed lately is found by any beginning; what was closed long ago by
        a whole name or id, or 16 characters of a key, of a schedule's many runs the latest.
        """
        with self._lock:
            self._check_open()
            self._catch_up()
            return self._ask(lambda view: find(view, what))

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries, in order, from the segments that have them."""
        with self._lock:
            self._check_open()
            segments = self._replica.state.segments_of(deliveries)
        for segment in segments:
            data = self._read(segment_name(segment))
            if data is None:
                name = f"{self._objects.place}{segment_name(segment)}"
                raise LogBrokenError(f"{name} is gone; restore it")
            for record in stored_records(data, 0):
                if part(record.fields, "delivery").get("key") in deliveries:
                    yield record

    def rebuild(self) -> None:
        """Fold the state anew from the first record; the outbox keeps what is still open."""
        with self._lock:
            self._check_open()
            self._replica.fold()

    def renew_indexes(self) -> None:
        """Fold the state anew, end the segment with an index of it, and remove all older ones.

        Instances that still work with an older one find the new one when they read on.

        Raises:
            LogError: The store cannot be used.
        """
        with self._lock:
            self._check_open()
            self._replica.fold()
            old = [one for one in self._objects.names() if one.startswith(("index/", "closed/"))]
            self._committer.end_segment()
            used = self._replica.index.names if self._replica.index else frozenset[str]()
            for name in old:
                if name not in used:
                    self._patience.retry(self._objects.place, partial(self._objects.delete, name))

    def close(self) -> None:
        """Forget the state and let go of connections."""
        with self._lock:
            self._closed = True
            self._replica.close()
            self._objects.close()

    def _ask(self, ask: Callable[[projection.SqlView], T]) -> T:
        state = self._replica.state
        state.begin()
        try:
            found = ask(projection.SqlView(state.execute, self._committer.now()))
        except BaseException:
            state.rollback()
            raise
        state.commit()
        return found

    def _catch_up(self) -> None:
        self._replica.catch_up()
        self._current = True

    def _read(self, name: str) -> bytes | None:
        return self._insist(lambda: self._objects.read(name))

    def _insist(self, work: Callable[[], bytes | None]) -> bytes | None:
        return self._patience.retry(self._objects.place, work)

    def _check_open(self) -> None:
        if self._closed:
            raise LogError(f"the audit log {self._objects.place} is closed")
