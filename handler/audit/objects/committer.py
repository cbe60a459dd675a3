"""One commit to the log in objects: decide, append at the known end, repeat until it is in the log.

The append      then
succeeds        the records are in the log
is refused      another writer was first: read its records and decide again
has no answer   read on: the records are in the log, or something else is at their position and
                they never will be; in that case decide again
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.audit.objects.append_position import ROLLED
from handler.audit.objects.record_lines import line_of, lines_of
from handler.audit.objects.snapshot import (
    LATEST,
    OPERATION,
    encode_pointer,
    snapshot_name,
)
from handler.audit.record import Draft, seal
from handler.audit.sql import projection
from handler.audit.sql.view import SqlView
from handler.errors import CloudError, LogError
from handler.values.canonical_json import moment, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Committed, Decide
    from handler.audit.objects.append_position import LogPosition, SegmentLimits
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.outbox import Outbox
    from handler.audit.objects.replica import Replica
    from handler.audit.record import Record
    from handler.audit.retry_policy import Attempt, RetryPolicy


@dataclass(frozen=True)
class _Batch:
    """The results of decisions, in one attempt to append them.

    Attributes:
        commit: The attempt's id, which names the object of its bodies: no other attempt uses it.
        at: The end of the log that the records are for.
        results: What each decision returned, with its records.
        bodies: The bodies that come with the records.
        settled: The commits some of whose bodies are no longer needed.
    """

    commit: str
    at: LogPosition
    results: tuple[Committed[Any], ...] = ()
    bodies: Mapping[str, str] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()

    @property
    def records(self) -> list[Record]:
        return [record for one in self.results for record in one.records]


@dataclass(frozen=True)
class Committer:
    """Commits to a log; one commit at a time."""

    objects: ObjectStore
    replica: Replica
    outbox: Outbox
    limits: SegmentLimits
    policy: RetryPolicy
    new_commit: Callable[[], str]

    def commit(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run decisions in order, append their records, and delete the bodies that they settle.

        Raises:
            LogBusyError: Other writers were first for too long; nothing was appended.
            LogUnreachableError: The store does not answer; the records may be in the log or not.
        """
        tried: dict[str, _Batch] = {}
        try:
            batch = self._commit(decisions, tried, self.policy.start(self.objects.place))
        finally:
            # An append without an answer may still succeed at the end of the log, and only there.
            self._drop(
                one.commit
                for one in tried.values()
                if one.bodies and one.at.place != self.replica.position.place
            )
        self._drop(batch.settled)
        return batch.results

    def now(self) -> datetime:
        """Return the store's clock, not earlier than the last record."""
        now, at = self.objects.now(), self.replica.position.at
        return max(now, moment(at)) if at else now

    def end_segment(self) -> None:
        """End the segment, full or not, unless another writer does; the replica must be warm.

        Raises:
            LogBusyError: Other writers were first for too long.
            LogUnreachableError: The store does not answer.
        """
        segment, attempt = self.replica.position.segment, self.policy.start(self.objects.place)
        while self.replica.position.segment == segment:
            self._rotate(attempt)

    def _drop(self, commits: Iterable[str]) -> None:
        """Delete the bodies of commits that nothing refers to."""
        for commit in commits:
            if not self.replica.state.is_referred_to(commit):
                self.outbox.drop(commit)

    def _commit(
        self, decisions: Sequence[Decide[Any]], tried: dict[str, _Batch], attempt: Attempt
    ) -> _Batch:
        """Decide on the known state, and again on what is new, until the records are in the log.

        `tried` receives every attempt, by the hash of its last record.
        """
        fresh = self.replica.cold
        if fresh:
            self.replica.catch_up()
        while True:
            while self.replica.position.is_full(self.limits):
                self._rotate(attempt)
            batch = self._decide(decisions, fresh=fresh)
            if batch.records:
                tried[batch.records[-1].hash] = batch
                appended = self._append(batch, tried, attempt)
                if appended:
                    return appended
            elif fresh:
                return batch
            else:
                self.replica.catch_up()
            fresh = True

    def _decide(self, decisions: Sequence[Decide[Any]], *, fresh: bool) -> _Batch:
        """Run decisions; if they have records, leave the state's transaction open.

        A decision that fails on an old state is repeated on the present one: no error yet.
        """
        state, commit, position = self.replica.state, self.new_commit(), self.replica.position
        state.begin()
        try:
            view = SqlView(state.execute, self.now())
            results = projection.run_decisions(decisions, view, commit)
            batch = _Batch(
                commit, position, results, state.assign_bodies(commit), state.settled_commits()
            )
        except BaseException as error:
            state.rollback()
            if fresh or not isinstance(error, Exception):
                raise
            return _Batch(commit, position)
        if not batch.records:
            state.commit()
        return batch

    def _append(
        self, batch: _Batch, tried: Mapping[str, _Batch], attempt: Attempt
    ) -> _Batch | None:
        """Append a batch; return the one of all attempts that is in the log now, if any."""
        state, failure = self.replica.state, None
        try:
            self.outbox.put(batch.commit, batch.bodies)
            if self.objects.append(batch.at.name, batch.at.size, lines_of(batch.records)):
                state.commit()
                self.replica.advance(batch.records)
                return batch
        except CloudError as error:
            failure = error
        except BaseException:
            state.rollback()
            raise
        state.rollback()
        for appended in self.replica.catch_up() & tried.keys():
            return tried[appended]
        if failure:
            attempt.failed(failure)
        else:
            attempt.conflict()
        return None

    def _rotate(self, attempt: Attempt) -> None:
        """End the segment, unless another writer has; that one may not be full."""
        segment, failure = self.replica.position.segment, None
        try:
            if self._append_end():
                return
        except CloudError as error:
            failure = error
        self.replica.catch_up()
        if self.replica.position.segment > segment:
            return
        if failure:
            attempt.failed(failure)
        else:
            attempt.conflict()

    def _append_end(self) -> bool:
        """Append the record that ends the segment; False if another writer was first.

        Raises:
            CloudError: It is not known whether the segment has ended.
        """
        position, digest = self.replica.position, self._write_snapshot()
        draft = Draft(
            action=ROLLED,
            outcome="success",
            request={"operation": OPERATION, "digest": digest} if digest else {},
            note=f"segment {position.segment} ends here",
        )
        record = seal(draft, position.head, at=self.now(), commit=self.new_commit())
        line = line_of(record)
        if not self.objects.append(position.name, position.size, line):
            return False
        self.replica.follow(line)
        if digest:
            with suppress(CloudError):
                self.objects.write(LATEST, encode_pointer(position.segment))
        return True

    def _write_snapshot(self) -> str:
        """Write a snapshot and return its digest; "" if it cannot be written.

        The segment then ends without one, and a cold start reads further back.
        """
        data = self.replica.snapshot().encode()
        name = snapshot_name(self.replica.position.segment)
        try:
            self.policy.retry(self.objects.place, lambda: self.objects.write(name, data))
        except LogError:
            return ""
        return sha256_hex(data)
