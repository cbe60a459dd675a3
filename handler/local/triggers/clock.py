"""The clock of a local run: real time, or a multiple of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Condition

_LONGEST_WAIT = 10.0  # seconds; the longest delay of a timer after a laptop's sleep


class Clock(Protocol):
    """Returns the time and waits."""

    def now(self) -> datetime:
        """Return its time, in UTC."""

    def wait(self, condition: Condition, until: datetime | None) -> None:
        """Wait for a condition whose lock is held, until a given time at most.

        It may return early, so the caller checks again.
        """


@dataclass(frozen=True)
class LocalClock:
    """A clock that runs at a multiple of real time.

    It follows the system's clock, which does not stop while a laptop sleeps.

    Attributes:
        start: Its initial time.
        set_at: The real time at which it was set, in seconds.
        speed: Seconds of its time in a real second.
        seconds: Returns the real time, in seconds.
    """

    start: datetime
    set_at: float
    speed: float = 1.0
    seconds: Callable[[], float] = time.time

    def now(self) -> datetime:
        """Return its time, in UTC."""
        return self.start + timedelta(seconds=(self.seconds() - self.set_at) * self.speed)

    def wait(self, condition: Condition, until: datetime | None) -> None:
        """Wait for a condition whose lock is held, until a time of this clock at most."""
        if until is None:
            condition.wait()
            return
        left = (until - self.now()).total_seconds() / self.speed
        if left > 0:
            condition.wait(min(left, _LONGEST_WAIT))


def start_clock(start: datetime | None = None, speed: float = 1.0) -> LocalClock:
    """Return a clock that starts now, at a time with a zone or, without one, at the real time.

    Raises:
        ValueError: The speed is not above zero.
    """
    if speed <= 0:
        raise ValueError(
            "the speed of the clock must be above zero, such as 60 for a minute per second"
        )
    set_at = time.time()
    start = start or datetime.fromtimestamp(set_at, timezone.utc)
    return LocalClock(start.astimezone(timezone.utc), set_at, speed)
