"""A log whose commits, when several threads ask at once, share one append.

Whoever comes first commits for everybody who has come by then: while one group is being made
durable the next one gathers. A thread waits for its own commit, so it has at most one in a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Record

T = TypeVar("T")


@dataclass
class _Waiting:
    decide: Decide[Any]
    committed: Committed[Any] | None = None
    error: BaseException | None = None


class GroupCommitLog:
    """A log for many threads: `commit` from several of them becomes one `commit_all`.

    Args:
        log: The log that is written.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._gathering = Lock()
        self._committing = Lock()
        self._waiting: list[_Waiting] = []

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Commit a decision, together with those of other threads."""
        mine = _Waiting(decide)
        with self._gathering:
            self._waiting.append(mine)
        with self._committing:
            if mine.committed is None and mine.error is None:
                with self._gathering:
                    group, self._waiting = self._waiting, []
                self._commit(group)
        if mine.error is not None:
            raise mine.error
        return cast("Committed[T]", mine.committed)

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Commit several decisions at once."""
        return self._log.commit_all(decisions)

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        return self._log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries, by their keys."""
        return self._log.bodies(keys)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        return self._log.records(after)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            committed = self._log.commit_all([one.decide for one in group])
        except BaseException as error:  # noqa: BLE001 - raised in the threads it belongs to
            if len(group) > 1 and isinstance(error, Exception) and not isinstance(error, LogError):
                for one in group:
                    self._commit([one])
                return
            for one in group:
                one.error = error
            return
        for one, result in zip(group, committed, strict=True):
            one.committed = result
