"""The time of a desk: as it is, or faster, so that a night passes in seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Condition

_LONGEST_WAIT = 10.0  # seconds; after a laptop's sleep, timers notice at the latest by then


class Clock(Protocol):
    """What shows the time and waits for it."""

    def now(self) -> datetime:
        """Return the moment it shows, in UTC."""

    def wait(self, condition: Condition, until: datetime | None) -> None:
        """Wait, at most until a moment, for a condition whose lock is held.

        It may return early: whoever waits looks again whether there is something to do.
        """


@dataclass(frozen=True)
class LocalClock:
    """A clock that runs at a multiple of the real time.

    It follows the machine's own clock, which goes on while a laptop sleeps.

    Attributes:
        began: What it showed when it was set.
        set_at: What `seconds` gave then.
        speed: Seconds it shows to pass in one real second.
        seconds: The real time, in seconds.
    """

    began: datetime
    set_at: float
    speed: float = 1.0
    seconds: Callable[[], float] = time.time

    def now(self) -> datetime:
        """Return the moment it shows, in UTC."""
        return self.began + timedelta(seconds=(self.seconds() - self.set_at) * self.speed)

    def wait(self, condition: Condition, until: datetime | None) -> None:
        """Wait for a condition whose lock is held, at most until the clock shows a moment."""
        if until is None:
            condition.wait()
            return
        left = (until - self.now()).total_seconds() / self.speed
        if left > 0:
            condition.wait(min(left, _LONGEST_WAIT))


def desk_clock(start: datetime | None = None, speed: float = 1.0) -> LocalClock:
    """Return a clock that is set now.

    Args:
        start: The aware moment it begins with; the real one if there is none.
        speed: Seconds it shows to pass in one real second.

    Raises:
        ValueError: It would stand still or run backwards.
    """
    if speed <= 0:
        raise ValueError(
            "the speed of the clock must be above zero, such as 60 for a minute each second"
        )
    set_at = time.time()
    began = start or datetime.fromtimestamp(set_at, timezone.utc)
    return LocalClock(began.astimezone(timezone.utc), set_at, speed)
