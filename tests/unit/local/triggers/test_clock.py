"""The clock of a local run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from threading import Condition
from zoneinfo import ZoneInfo

import pytest

from handler.local.triggers.clock import LocalClock, start_clock

NIGHT = datetime(2026, 11, 24, 1, 59, tzinfo=timezone.utc)


def test_a_fast_clock_shows_more_time_than_has_passed() -> None:
    """Sixty times as much, for example."""
    real = iter([100.0, 101.5])
    clock = LocalClock(NIGHT, 100.0, 60, lambda: next(real))
    assert (clock.now(), clock.now()) == (NIGHT, NIGHT + timedelta(seconds=90))


class NotedWaits(Condition):
    """A condition that notes for how many seconds it is waited for, and returns at once."""

    def __init__(self) -> None:
        """Start without a wait."""
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note a wait."""
        self.waits.append(timeout)
        return True


@pytest.mark.parametrize(
    ("speed", "ahead", "waits"),
    [
        (36_000, timedelta(hours=1), [0.1]),
        (1, timedelta(seconds=3), [3.0]),
        (1, timedelta(hours=1), [10.0]),
        (1, timedelta(0), []),
        (1, -timedelta(hours=1), []),
    ],
    ids=["fast", "real time", "at most ten seconds", "now", "past"],
)
def test_a_wait_lasts_as_long_as_the_clock_needs(
    speed: float, ahead: timedelta, waits: list[float]
) -> None:
    """An hour at 36,000 seconds a second is a tenth of a second; the past is not waited for."""
    clock, condition = LocalClock(NIGHT, 100.0, speed, lambda: 100.0), NotedWaits()
    clock.wait(condition, NIGHT + ahead)
    assert condition.waits == waits


def test_without_a_time_the_condition_alone_ends_a_wait() -> None:
    """Nothing is due before it."""
    condition = NotedWaits()
    LocalClock(NIGHT, 100.0).wait(condition, None)
    assert condition.waits == [None]


def test_a_clock_that_is_set_to_a_zone_shows_utc() -> None:
    """So that moments compare by what they are, not by what walls show."""
    clock = start_clock(NIGHT.astimezone(ZoneInfo("Asia/Shanghai")))
    assert clock.now().tzinfo is timezone.utc
    assert abs(clock.now() - NIGHT) < timedelta(seconds=5)


def test_without_a_start_it_shows_the_real_time() -> None:
    """To the second, at least."""
    assert abs(start_clock().now() - datetime.now(timezone.utc)) < timedelta(seconds=5)


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_that_does_not_run_forward_is_refused(speed: float) -> None:
    """Nothing would ever be due."""
    with pytest.raises(ValueError, match="above zero"):
        start_clock(NIGHT, speed)
