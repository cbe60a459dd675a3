"""Invented time: a schedule of steps, and instances that are killed or frozen between any two."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from random import Random

EPOCH = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
"""When every run begins."""

Happening: TypeAlias = Generator[float, None, None]
"""What goes on outside of the function, in steps: each yields the seconds until the next."""


class Steps(Protocol):
    """Something that goes on in steps."""

    def __next__(self) -> float:
        """Take a step; answers the seconds until the next.

        Raises:
            StopIteration: That was the last one.
        """

    def close(self) -> None:
        """Take no further step, wherever it is."""


@dataclass(frozen=True)
class Hazards:
    """What may happen to an instance before each of its steps.

    Attributes:
        kill: How often it is killed.
        freeze: How often it is frozen.
        longest_freeze: For how many seconds at most.
        clock_stops: Whether its monotonic clock stands still meanwhile.
        outlives: Whether it goes on after the end of its time; else the platform ends it.
    """

    kill: float
    freeze: float
    longest_freeze: float
    clock_stops: bool
    outlives: bool


@dataclass
class Instance:
    """One invocation of the function.

    Attributes:
        began: When it began, in seconds of the run.
        seconds: How long it may run.
        skew: How many seconds its clock is ahead.
        killed: Whether it takes no further step.
        frozen_until: Before this it takes none.
        stood: For how long its monotonic clock stood still.
    """

    began: float
    seconds: float
    skew: float = 0.0
    killed: bool = False
    frozen_until: float = 0.0
    stood: float = 0.0


@dataclass
class Schedule:
    """Everything that is going on, in the order of invented time.

    Attributes:
        random: Draws everything that happens by chance.
        hazards: What may happen to instances.
        struck: Counts every fault by its name.
        calm: Whether nothing goes wrong any more.
        now: Seconds since the run began.
        acting: Whose step is being taken; None for the world outside.
    """

    random: Random
    hazards: Hazards
    struck: Counter[str] = field(default_factory=Counter)
    calm: bool = False
    now: float = 0.0
    acting: Instance | None = None
    _queue: list[tuple[float, int, Steps, Instance | None]] = field(default_factory=list)
    _number: int = 0

    @property
    def busy(self) -> bool:
        """Whether anything is still going on."""
        return bool(self._queue)

    def clock(self) -> datetime:
        """Return the time as whoever acts has it."""
        return EPOCH + timedelta(seconds=self.now + (self.acting.skew if self.acting else 0.0))

    def true_time(self) -> datetime:
        """Return the time as it is."""
        return EPOCH + timedelta(seconds=self.now)

    def start(self, steps: Steps, instance: Instance | None, *, after: float = 0.0) -> None:
        """Let something begin."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + after, self._number, steps, instance))

    def happens(self, probability: float) -> bool:
        """Return whether something happens now that is no part of a calm world."""
        return not self.calm and self.random.random() < probability

    def run_until(self, end: float) -> None:
        """Take every step that is due by then."""
        while self._queue and self._queue[0][0] <= end:
            self.now, _, steps, instance = heapq.heappop(self._queue)
            if instance is None or self._goes_on(steps, instance):
                self._step(steps, instance)
        self.now = max(self.now, end)

    def _goes_on(self, steps: Steps, instance: Instance) -> bool:
        if not self.hazards.outlives and self.now > instance.began + instance.seconds + 1:
            self.struck["ended by the platform"] += not instance.killed
            instance.killed = True
        if instance.killed:
            steps.close()
            return False
        if instance.frozen_until > self.now:
            self.start(steps, instance, after=instance.frozen_until - self.now)
            return False
        if self.happens(self.hazards.kill):
            self.struck["killed"] += 1
            instance.killed = True
            steps.close()
            return False
        if self.happens(self.hazards.freeze):
            self._freeze(instance)
            self.start(steps, instance, after=instance.frozen_until - self.now)
            return False
        return True

    def _freeze(self, instance: Instance) -> None:
        self.struck["frozen"] += 1
        seconds = self.hazards.longest_freeze ** self.random.random()
        instance.frozen_until = self.now + seconds
        if self.hazards.clock_stops:
            instance.stood += seconds

    def _step(self, steps: Steps, instance: Instance | None) -> None:
        self.acting = instance
        try:
            pause = next(steps)
        except StopIteration:
            return
        finally:
            self.acting = None
        self.start(steps, instance, after=pause)
