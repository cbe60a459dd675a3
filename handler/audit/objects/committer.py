"""One commit to the log in objects: decide, append at the known end, and again until it stands.

append                 what becomes of it
taken                  the records stand
refused (a lost race)  read on, decide again on what is new
no answer              read on: either the records are there, by their hashes, or they are not
and, if something else is, never will be; then decide again
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.audit.objects.record_lines import lines_of
from handler.audit.objects.segment_rotation import rotate
from handler.audit.sql import projection
from handler.errors import CloudError
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Committed, Decide
    from handler.audit.objects.append_position import Limits
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.outbox import Outbox
    from handler.audit.objects.replica import Replica
    from handler.audit.objects.retry_policy import Attempt, RetryPolicy
    from handler.audit.record import Record


@dataclass(frozen=True)
class _Decided:
    """What decisions came to, in one attempt to append it.

    Attributes:
        commit: The attempt's id, under which its bodies are kept: no other attempt writes there.
        place: Segment and position it is to be appended at.
        done: What the decisions came to.
        settled: The commits whose bodies they let go of.
        with_bodies: Whether bodies come with it.
    """

    commit: str
    place: tuple[int, int]
    done: tuple[Committed[Any], ...] = ()
    settled: frozenset[str] = frozenset()
    with_bodies: bool = False

    @property
    def records(self) -> list[Record]:
        return [record for one in self.done for record in one.records]


@dataclass(frozen=True)
class Committer:
    """Commits to a log; one commit at a time.

    Attributes:
        objects: The log's objects.
        replica: What is known of the log.
        outbox: The bodies beside it.
        limits: When a segment has enough.
        patience: How long to wait for other writers, and for a store in trouble.
    """

    objects: ObjectStore
    replica: Replica
    outbox: Outbox
    limits: Limits
    patience: RetryPolicy

    def commit(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run decisions in order, append what they ask for, and let go of what is settled by it.

        Raises:
            LogBusyError: Other writers were first for too long; nothing was appended.
            LogUnreachableError: The store cannot be asked; the records may or may not stand.
        """
        tried: dict[str, _Decided] = {}
        try:
            decided = self._committed(decisions, tried, self.patience.trial(self.objects.place))
        finally:
            # Where the log still ends, an append without an answer may yet land.
            self._drop(
                one.commit for one in tried.values() if one.with_bodies and one.place != self._place
            )
        self._drop(decided.settled)
        return decided.done

    def now(self) -> datetime:
        """Return the store's clock, not earlier than the last record."""
        now, at = self.objects.now(), self.replica.tail.at
        return max(now, moment(at)) if at else now

    def _drop(self, commits: Iterable[str]) -> None:
        """Let go of bodies that nothing refers to; of attempts, those that can stand no more."""
        for commit in commits:
            if not self.replica.state.is_referred_to(commit):
                self.outbox.drop(commit)

    @property
    def _place(self) -> tuple[int, int]:
        return self.replica.tail.segment, self.replica.tail.position

    def _committed(
        self, decisions: Sequence[Decide[Any]], tried: dict[str, _Decided], trial: Attempt
    ) -> _Decided:
        """Decide on what is known of the log, and again on what is new, until it stands.

        Args:
            decisions: What to decide.
            tried: Takes every attempt, by the hash of its last record.
            trial: How often it may be tried.
        """
        fresh = self.replica.cold
        if fresh:
            self.replica.catch_up()
        while True:
            while self.replica.tail.full(self.limits):
                self._roll(trial)
            decided = self._decide(decisions, fresh=fresh)
            if decided.records:
                tried[decided.records[-1].hash] = decided
                stands = self._append(decided, tried, trial)
                if stands:
                    return stands
            elif fresh:
                return decided
            else:
                self.replica.catch_up()
            fresh = True

    def _decide(self, decisions: Sequence[Decide[Any]], *, fresh: bool) -> _Decided:
        """Run decisions; if they ask for records, the state's transaction is left open.

        What fails in a state that was known before may not in the present one: no error then.
        """
        state, commit, place = self.replica.state, uuid.uuid4().hex, self._place
        state.begin(commit)
        try:
            view = projection.SqlView(state.execute, self.now())
            done = projection.decided(decisions, view, commit)
        except BaseException as error:
            state.rollback()
            if fresh or not isinstance(error, Exception):
                raise
            return _Decided(commit, place)
        decided = _Decided(commit, place, done, frozenset(state.settled), bool(state.bodies))
        if not decided.records:
            state.commit()
        return decided

    def _append(
        self, decided: _Decided, tried: Mapping[str, _Decided], trial: Attempt
    ) -> _Decided | None:
        """Append what was decided; return what of all that was tried stands now, if anything."""
        state, tail, trouble = self.replica.state, self.replica.tail, None
        try:
            self.outbox.put(decided.commit, state.bodies)
            if self.objects.append(tail.name, tail.position, lines_of(decided.records)):
                state.commit()
                self.replica.advance(decided.records)
                return decided
        except CloudError as error:
            trouble = error
        except BaseException:
            state.rollback()
            raise
        state.rollback()
        for stands in self.replica.catch_up() & tried.keys():
            return tried[stands]
        if trouble:
            trial.trouble(trouble)
        else:
            trial.lost()
        return None

    def end_segment(self) -> None:
        """End the segment, full or not, unless somebody else does; for a state that is warm.

        Raises:
            LogBusyError: Other writers were first for too long.
            LogUnreachableError: The store cannot be asked.
        """
        segment, trial = self.replica.tail.segment, self.patience.trial(self.objects.place)
        while self.replica.tail.segment == segment:
            self._roll(trial)

    def _roll(self, trial: Attempt) -> None:
        """End the segment, unless somebody else has; then it may not be full."""
        segment, trouble = self.replica.tail.segment, None
        try:
            if rotate(self.objects, self.replica, self.patience, self.now()):
                return
        except CloudError as error:
            trouble = error
        self.replica.catch_up()
        if self.replica.tail.segment > segment:
            return
        if trouble:
            trial.trouble(trouble)
        else:
            trial.lost()
