"""The log of one instance: shared by its threads, with the function's part in every record.

Commits that several threads ask for at once become one append: the first thread commits for all
that have come by then, and while that group is made durable the next one gathers. A thread waits
for its own commit, so it has at most one in a group.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from handler.audit.log import Decision
from handler.audit.record import Head
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from handler.audit.log import Committed, Decide, Log, View
    from handler.audit.record import Part, Record

T = TypeVar("T")


class _Waiting:
    """A decision whose thread waits for its commit."""

    def __init__(self, decide: Decide[Any]) -> None:
        self.decide = decide
        self.committed: Committed[Any] | None = None
        self.error: BaseException | None = None


class _Group:
    """What waits for the next append.

    Attributes:
        waiting: The decisions whose threads wait for their commit.
        leading: Decisions that no thread waits for; they come before the others.
        head: The last record of the latest append.
    """

    def __init__(self) -> None:
        self.gathering, self.committing = Lock(), Lock()
        self.waiting: list[_Waiting] = []
        self.leading: list[Decide[object]] = []
        self.head: Head | None = None


class InstanceLog:
    """A log for the threads of one instance.

    Attributes:
        log: The store.
        on_append: Called with the records of each append once they are durable.
        function: What every record says of the function: name, version, request id.
    """

    def __init__(
        self,
        log: Log,
        on_append: Callable[[Sequence[Record]], object] = len,
        function: Part = MappingProxyType({}),
        group: _Group | None = None,
    ) -> None:
        self.log, self.on_append, self.function = log, on_append, function
        self._group = group or _Group()

    def bind(self, function: Part) -> InstanceLog:
        """Return the same log for one invocation, with the function's part for its records."""
        return InstanceLog(self.log, self.on_append, function, self._group)

    def commit_with_next(self, decide: Decide[object]) -> None:
        """Leave a decision to this instance's next commit, before whose decisions it is appended.

        If the answer of that append is lost, it is appended once more with the one after it.
        """
        with self._group.gathering:
            self._group.leading.append(self._bound(decide))

    def commit_pending(self) -> Head | None:
        """Commit what was left to the next commit; return the head after it, None if none was."""
        if not self._group.leading:
            return None
        self.commit_all(())
        return self._group.head

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Commit a decision, together with those of other threads."""
        mine = _Waiting(self._bound(decide))
        group = self._group
        with group.gathering:
            group.waiting.append(mine)
        with group.committing:
            if mine.committed is None and mine.error is None:
                with group.gathering:
                    together, group.waiting = group.waiting, []
                self._commit(together)
        if mine.error is not None:
            raise mine.error
        return cast("Committed[T]", mine.committed)

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Commit several decisions as one append."""
        return self._append([self._bound(decide) for decide in decisions])

    def head(self) -> Head:
        """Return the last record of this instance's latest append, or the end of the log."""
        return self._group.head or self.log.read(lambda view: view.head, fresh=False)

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:
        """Return what `ask` finds in the state."""
        return self.log.read(ask, fresh=fresh)

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the bodies in the outbox by the keys of their jobs or deliveries."""
        return self.log.bodies(keys) if keys else {}

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        return self.log.records(after)

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries, in order."""
        return self.log.records_of(deliveries)

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    def _bound(self, decide: Decide[T]) -> Decide[T]:
        def with_function(view: View) -> Decision[T]:
            decision = decide(view)
            drafts = tuple(draft.by(self.function) for draft in decision.drafts)
            then = self._bound(decision.then) if decision.then else None
            return Decision(decision.value, drafts, then)

        return with_function

    def _commit(self, together: list[_Waiting]) -> None:
        """Commit a group; if a decision raises, each of them alone, so that only its own fails."""
        try:
            committed = self._append([one.decide for one in together])
        except BaseException as error:  # noqa: BLE001 - raised in the threads it belongs to
            is_own = isinstance(error, Exception) and not isinstance(error, LogError)
            if len(together) > 1 and is_own:
                for one in together:
                    self._commit([one])
                return
            for one in together:
                one.error = error
            return
        for one, result in zip(together, committed, strict=True):
            one.committed = result

    def _append(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        with self._group.gathering:
            leading, self._group.leading = self._group.leading, []
        try:
            committed = self.log.commit_all([*leading, *decisions])
        except BaseException:
            with self._group.gathering:
                self._group.leading += leading
            raise
        records = [record for one in committed for record in one.records]
        if records:
            self._group.head = Head(records[-1].seq, records[-1].hash)
        # What goes wrong with a line must not lose the result of what is durable by now, nor let
        # it be decided once more.
        with suppress(Exception):
            self.on_append(records)
        return committed[len(leading) :]
