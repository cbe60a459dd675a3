"""Cron expressions against a clock that is watched minute by minute."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.local.triggers.schedule import cron
from tests.support.depth import examples

MINUTE = timedelta(minutes=1)
# A few hours before each kind of change: forward, back, at midnight, by half an hour.
CHANGES = [
    ("Europe/Berlin", datetime(2024, 3, 30, 22, 7, 11, tzinfo=timezone.utc)),
    ("Europe/Berlin", datetime(2024, 10, 26, 22, 7, 11, tzinfo=timezone.utc)),
    ("Africa/Cairo", datetime(2024, 4, 25, 20, 7, 11, tzinfo=timezone.utc)),
    ("America/Santiago", datetime(2024, 4, 7, 1, 7, 11, tzinfo=timezone.utc)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 12, 7, 11, tzinfo=timezone.utc)),
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 13, 7, 11, tzinfo=timezone.utc)),
]


def some(largest: int) -> st.SearchStrategy[frozenset[int]]:
    """Return a few values of a field."""
    return st.frozensets(st.integers(0, largest), min_size=1, max_size=4)


@settings(max_examples=examples(60), deadline=None)
@given(change=st.sampled_from(CHANGES), minutes=some(59), hours=some(3), wait=st.integers(0, 360))
def test_a_tick_is_whenever_the_wall_clock_shows_its_time(
    change: tuple[str, datetime], minutes: frozenset[int], hours: frozenset[int], wait: int
) -> None:
    """Found by looking at the clock every minute, whatever the change."""
    zone, start = ZoneInfo(change[0]), change[1] + wait * MINUTE
    schedule = cron(f"0 {_list(minutes)} {_list(hours)} * * *", zone)
    watched = start.replace(second=0)
    while True:
        watched += MINUTE
        wall = watched.astimezone(zone)
        if wall.minute in minutes and wall.hour in hours:
            break
    assert schedule.after(start) == watched


@settings(max_examples=examples(40), deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    minutes=some(59),
    slept=st.integers(0, 2 * 86_400),
)
def test_the_latest_tick_is_the_last_one_that_counting_finds(
    change: tuple[str, datetime], minutes: frozenset[int], slept: int
) -> None:
    """However long the sleep was."""
    schedule = cron(f"7 {_list(minutes)} * * * *", ZoneInfo(change[0]))
    first = schedule.after(change[1])
    now = first + timedelta(seconds=slept)
    last = first
    while (later := schedule.after(last)) <= now:
        last = later
    assert schedule.latest(first, now) == last


def test_a_tick_has_the_zone_of_the_moment_it_was_asked_from() -> None:
    """Not that of the wall clock."""
    shanghai = ZoneInfo("Asia/Shanghai")
    tick = cron("0 0 2 * * *", ZoneInfo("Europe/Berlin")).after(
        datetime(2024, 5, 1, tzinfo=shanghai)
    )
    assert tick.isoformat() == "2024-05-01T08:00:00+08:00"


@pytest.mark.parametrize("text", ["", "* * * *", "* * * * * * *", "90s", "every day"])
def test_an_expression_has_six_fields(text: str) -> None:
    """The message names them, and the rates that may have been intended."""
    with pytest.raises(ValueError, match=r"six fields: second, minute, .* a rate is a number"):
        cron(text, timezone.utc)


def test_a_line_of_a_crontab_is_refused_with_both_readings() -> None:
    """Every night at two, or every hour: the message asks for six fields."""
    with pytest.raises(
        ValueError, match=r"crontab, write 0 0 2 \* \* \*; .* write 0 2 \* \* \* \*"
    ):
        cron("0 2 * * *", timezone.utc)


@pytest.mark.parametrize("text", ["0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *"])
def test_a_date_that_never_comes_is_refused(text: str) -> None:
    """At once, instead of a timer that never fires."""
    with pytest.raises(ValueError, match=r"\(Bad day-of-month\): .* some month must have the day"):
        cron(text, timezone.utc)


def _list(values: frozenset[int]) -> str:
    return ",".join(map(str, values))
