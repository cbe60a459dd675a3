"""Ordinary code as the steps of a schedule: it goes on where it paused, or is never resumed."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from greenlet import getcurrent, greenlet

from handler.errors import NightdropError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.simulation.simulated_time import Schedule

T = TypeVar("T")


class Story:
    """The work of one invocation; whatever it calls may `pause`.

    Args:
        work: What is done.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._greenlet = greenlet(work)

    def __next__(self) -> float:
        """Go on until it pauses, and return for how many seconds."""
        seconds = self._greenlet.switch()
        if self._greenlet.dead:
            raise StopIteration
        return float(seconds)

    def close(self) -> None:
        """Kill it: nothing of it goes on, as after SIGKILL."""
        self._greenlet.throw()
        assert self._greenlet.dead, "the code handles what nobody can handle: its own end"


def pause(seconds: float) -> None:
    """Let some seconds pass for the story that is going on."""
    getcurrent().parent.switch(seconds)


def run_threads(works: Sequence[Callable[[], T]], threads: int, schedule: Schedule) -> list[T]:
    """Do several things side by side, as a pool of threads does; return what each returns.

    The first error is raised once all have ended. All of them are steps of one story: they are
    killed and frozen together.

    Args:
        works: What is done.
        threads: How much of it at once.
        schedule: The invented time.
    """
    waiting = iter(enumerate(works))
    returned: dict[int, T] = {}
    failed: dict[int, NightdropError] = {}

    def thread() -> None:
        for number, work in waiting:
            try:
                returned[number] = work()
            except NightdropError as error:
                failed[number] = error

    numbers = count()
    turns = [(schedule.now, next(numbers), greenlet(thread)) for _ in works[:threads]]
    heapify(turns)
    while turns:
        at, _, one = heappop(turns)
        if at > schedule.now:
            pause(at - schedule.now)
        seconds = one.switch()
        if not one.dead:
            heappush(turns, (schedule.now + seconds, next(numbers), one))
    for number in sorted(failed):
        raise failed[number]
    return [returned[number] for number in range(len(works))]
