"""The clock of a local run."""

from __future__ import annotations

import time
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


def test_a_fast_clock_waits_as_much_less() -> None:
    """An hour at 36,000 seconds a second is a tenth of a second."""
    clock, condition = start_clock(NIGHT, 36_000), Condition()
    started = time.monotonic()
    with condition:
        clock.wait(condition, clock.now() + timedelta(hours=1))
    assert 0.05 < time.monotonic() - started < 30


def test_the_past_is_not_waited_for() -> None:
    """The wait returns at once."""
    clock, condition = start_clock(NIGHT), Condition()
    started = time.monotonic()
    with condition:
        clock.wait(condition, NIGHT)
    assert time.monotonic() - started < 30


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
