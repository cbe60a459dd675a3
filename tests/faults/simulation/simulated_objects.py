"""The log in OBS in a simulated run: many instances of it on one store that fails now and then.

Every invocation has an instance drawn by chance: one that knows the end of the log, one that knows
an old end, or one that has just started and knows nothing. What is asked outside of an invocation
goes to any of them. Any request to the store may be cut off, before or after it was carried out.
"""

from __future__ import annotations

from collections import Counter
from copy import copy
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.objects.snapshot import LATEST
from handler.audit.retry_policy import RetryPolicy
from handler.errors import NoAnswerError, NotSentError
from tests.support.memory_objects import START, MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Committed, Decide, View
    from handler.audit.record import Record

T = TypeVar("T")

_INSTANCES = 3
_STARTS = 0.05
_CUT = 0.02
_PATIENCE = RetryPolicy(sleep=lambda _seconds: None, chance=lambda: 0.5)
_LIMITS = SegmentLimits(appends=8)
"""Few appends, so that a run of some dozens crosses the ends of segments."""


class ObjectLogs:
    """A log in OBS, with several instances.

    Args:
        clock: The store's clock, aware.
        seed: What its chances are drawn from.
        limits: When a segment ends.

    Attributes:
        struck: Counts what happened to it, by name.
    """

    def __init__(
        self, clock: Callable[[], datetime], seed: int, limits: SegmentLimits = _LIMITS
    ) -> None:
        self._limits = limits
        self.struck: Counter[str] = Counter()
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - to repeat runs
        self._bucket = StoredObjects()
        self._instances = [self._started() for _ in range(_INSTANCES)]
        self._former: list[ObjectLog] = []
        self._chosen: ObjectLog | None = None

    def of_invocation(self) -> ObjectLogs:
        """Return the log as one invocation has it: always on the same instance."""
        log = copy(self)
        log._chosen = self._one()  # noqa: SLF001 - of the same class
        return log

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append what it asks for."""
        return self._one().commit(decide)

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, as one append."""
        return self._one().commit_all(decisions)

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        return self._one().read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for a job or a delivery."""
        return self._one().bodies(keys)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        return self._one().records(after)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement over the tables of an instance that has read all."""
        one = self._one()
        one.read(lambda _view: None)
        return one._replica.state.execute(statement)  # noqa: SLF001 - a test looks inside

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries."""
        return self._one().records_of(deliveries)

    def close(self) -> None:
        """Close every instance."""
        for one in (*self._instances, *self._former):
            one.close()

    def _one(self) -> ObjectLog:
        self._bucket.seconds = (self._clock() - START).total_seconds()
        if self._chosen:
            return self._chosen
        place = self._random.randrange(_INSTANCES)
        if self._random.random() < _STARTS:
            self.struck["started again"] += 1
            self._former.append(self._instances[place])  # an invocation may still use it
            self._instances[place] = self._started()
        return self._instances[place]

    def _started(self) -> ObjectLog:
        objects = MemoryObjects(self._bucket, self._on_the_way)
        return ObjectLog(
            objects, limits=self._limits, policy=_PATIENCE, new_commit=self._new_commit
        )

    def _new_commit(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def _on_the_way(self, verb: str, name: str, do: Callable[[], None]) -> None:
        chance = self._random.random()
        if chance < _CUT:
            self.struck[f"{verb} cut off before"] += 1
            raise NotSentError("cut off before")
        do()
        if verb == "write" and name == LATEST:
            self.struck["segment ended"] += 1
        if chance > 1 - _CUT:
            self.struck[f"{verb} cut off after"] += 1
            raise NoAnswerError("cut off after")
