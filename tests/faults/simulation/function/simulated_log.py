"""The audit log as an invocation reaches it: each call takes time, and others may hold the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from handler.errors import LogBusyError
from tests.faults.simulation.function.story import pause

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Record
    from tests.faults.simulation.simulated_time import Schedule

T = TypeVar("T")


@dataclass(frozen=True)
class SimulatedLog:
    """A log whose calls take time; whoever is killed after a commit never learns of it.

    Attributes:
        log: The log.
        schedule: The invented time.
        busy: How often a commit is refused, because others hold the log.
    """

    log: Log
    schedule: Schedule
    busy: float

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append its records."""
        self._wait_for_turn()
        committed = self.log.commit(decide)
        self._pause()
        return committed

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, as one append."""
        self._wait_for_turn()
        committed = self.log.commit_all(decisions)
        self._pause()
        return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        self._pause()
        return self.log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries."""
        if not keys:
            return {}
        self._pause()
        return self.log.bodies(keys)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        self._pause()
        return self.log.records(after)

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries."""
        self._pause()
        return self.log.records_of(deliveries)

    def _wait_for_turn(self) -> None:
        self._pause()
        if self.schedule.happens(self.busy):
            self.schedule.struck["log busy"] += 1
            raise LogBusyError("the log is held by others")

    def _pause(self) -> None:
        pause(self.schedule.random.expovariate(20.0))
