"""Rates and durations."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.local.triggers.interval import Interval, every, rate

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("60m", 3600), ("24h", 86_400), ("30d", 30 * 86_400)]
)
def test_a_rate_is_minutes_hours_or_days(text: str, seconds: int) -> None:
    """Up to the console's limits."""
    assert rate(text) == Interval(seconds)


@pytest.mark.parametrize("text", ["61m", "25h", "31d", "999d"])
def test_a_rate_beyond_the_limit_is_refused(text: str) -> None:
    """The message says from what to what."""
    with pytest.raises(ValueError, match=f"1{text[-1]} to "):
        rate(text)


@pytest.mark.parametrize("text", ["", "m", "0m", "01m", "5s", "5 m", "5M", "1h30m", "٣m"])
def test_other_text_is_no_rate(text: str) -> None:
    """It may be something else."""
    assert rate(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5m", 30),
        ("1m1m", 120),
        ("2.h", 7200),
        ("1999ms", 1),
        ("1ns", 1),
        ("1500000µs", 1),
        ("2000000us", 2),
        ("8784h", 31_622_400),
    ],
)
def test_durations_are_gos(text: str, seconds: int) -> None:
    """Sums of decimal numbers with units; whole seconds are kept, at least one."""
    assert every(text) == Interval(seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "+1h", "1 h", "1d", "1h,", ".h", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Days among it: Go has none."""
    with pytest.raises(ValueError, match="@every takes numbers with units"):
        every(text)


@pytest.mark.parametrize("text", ["0s", "0.0h", "8785h"])
def test_nothing_and_more_than_a_year_are_refused(text: str) -> None:
    """Both are mistakes."""
    with pytest.raises(ValueError, match="above zero and up to a year"):
        every(text)


def test_a_tick_has_the_zone_of_the_moment_it_was_asked_from() -> None:
    """Even where that zone's clock is put forward in between."""
    start = datetime(2024, 3, 31, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert Interval(3600).after(start).isoformat() == "2024-03-31T03:30:00+02:00"


@given(st.integers(1, 5000), st.integers(0, 100_000))
def test_the_latest_tick_is_the_last_one_that_a_walk_finds(seconds: int, slept: int) -> None:
    """However long the sleep was."""
    now = NOON + timedelta(seconds=slept)
    latest = Interval(seconds).latest(NOON, now)
    assert latest <= now < Interval(seconds).after(latest)
    assert (latest - NOON) % timedelta(seconds=seconds) == timedelta(0)
