"""A log that also says aloud what a person must look at."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Record

T = TypeVar("T")


@dataclass(frozen=True)
class AlertingLog:
    """A log whose records are shown to a listener once they are durable.

    Attributes:
        log: The log.
        announce: Called with the records of each commit, after it.
    """

    log: Log
    announce: Callable[[Sequence[Record]], None]

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Commit, then announce."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Commit several decisions at once, then announce."""
        committed = self.log.commit_all(decisions)
        # A line that cannot be written must not lose the answer of what is durable by now.
        with suppress(OSError, ValueError):
            self.announce([record for one in committed for record in one.records])
        return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        return self.log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries, by their keys."""
        return self.log.bodies(keys)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        return self.log.records(after)

    def close(self) -> None:
        """Close the log."""
        self.log.close()
