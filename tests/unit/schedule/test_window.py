"""Windows: the periods of local time in which waves may run, also where clocks change."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime, time, timedelta, timezone
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handler.schedule.window import (
    FOREVER,
    Period,
    Window,
    longest_seconds,
    open_period,
    periods,
)

UTC = timezone.utc
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"
WORKDAYS = frozenset(range(5))


def window(begin: str, end: str, zone: str, **more: frozenset[int] | frozenset[date]) -> Window:
    """Return a window with its times as text."""
    times = {"begin": time.fromisoformat(begin), "end": time.fromisoformat(end)}
    return Window(**times, timezone=zone, **more)  # type: ignore[arg-type]  # days and excluded


def utc(text: str) -> datetime:
    """Return a time in UTC, such as `2026-03-29 01:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on(day: str, one: Window) -> list[str]:
    """Return the periods of one day, as `begin/end` in UTC."""
    only = Window(one.begin, one.end, one.timezone, one.days & {date.fromisoformat(day).weekday()})
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(one.timezone))
    soon = [
        period
        for period in islice(periods(only, start - timedelta(hours=2)), 2)
        if period.begin < start + timedelta(days=2)
    ]
    return [f"{p.begin:%m-%d %H:%M}/{p.end:%m-%d %H:%M}" for p in soon]


@pytest.mark.parametrize(
    ("zone", "day", "begin", "end", "expected"),
    [
        # Shanghai's clocks never change.
        (SHANGHAI, "2026-03-29", "01:00", "05:00", ["03-28 17:00/03-28 21:00"]),
        (SHANGHAI, "2026-10-25", "23:00", "01:30", ["10-25 15:00/10-25 17:30"]),
        # Berlin, 29 March 2026: 02:00 becomes 03:00, at 01:00 UTC.
        (BERLIN, "2026-03-28", "01:00", "05:00", ["03-28 00:00/03-28 04:00"]),
        (BERLIN, "2026-03-29", "01:00", "05:00", ["03-29 00:00/03-29 03:00"]),
        (BERLIN, "2026-03-29", "02:30", "05:00", ["03-29 01:00/03-29 03:00"]),
        (BERLIN, "2026-03-29", "01:00", "02:30", ["03-29 00:00/03-29 01:00"]),
        (BERLIN, "2026-03-29", "02:10", "02:50", []),
        (BERLIN, "2026-03-28", "23:00", "02:30", ["03-28 22:00/03-29 01:00"]),
        # Berlin, 25 October 2026: 03:00 becomes 02:00, at 01:00 UTC.
        (BERLIN, "2026-10-25", "01:00", "05:00", ["10-24 23:00/10-25 04:00"]),
        (BERLIN, "2026-10-25", "02:30", "05:00", ["10-25 01:30/10-25 04:00"]),
        (BERLIN, "2026-10-25", "01:00", "02:30", ["10-24 23:00/10-25 00:30"]),
        (BERLIN, "2026-10-25", "02:10", "02:50", ["10-25 00:10/10-25 00:50"]),
        (BERLIN, "2026-10-24", "23:00", "02:30", ["10-24 21:00/10-25 00:30"]),
        (BERLIN, "2026-10-25", "03:00", "05:00", ["10-25 02:00/10-25 04:00"]),
        # New York, 8 March 2026: 02:00 becomes 03:00, at 07:00 UTC.
        (NEW_YORK, "2026-03-08", "01:00", "05:00", ["03-08 06:00/03-08 09:00"]),
        (NEW_YORK, "2026-03-08", "02:30", "05:00", ["03-08 07:00/03-08 09:00"]),
        # New York, 1 November 2026: 02:00 becomes 01:00, at 06:00 UTC.
        (NEW_YORK, "2026-11-01", "01:30", "05:00", ["11-01 06:30/11-01 10:00"]),
        (NEW_YORK, "2026-10-31", "22:00", "01:30", ["11-01 02:00/11-01 05:30"]),
        # Lord Howe, 4 October 2026: 02:00 becomes 02:30, at 15:30 UTC of the day before.
        (LORD_HOWE, "2026-10-04", "02:15", "04:00", ["10-03 15:30/10-03 17:00"]),
        (LORD_HOWE, "2026-10-04", "01:00", "02:15", ["10-03 14:30/10-03 15:30"]),
        (LORD_HOWE, "2026-10-04", "01:00", "04:00", ["10-03 14:30/10-03 17:00"]),
        # Lord Howe, 5 April 2026: 02:00 becomes 01:30, at 15:00 UTC of the day before.
        (LORD_HOWE, "2026-04-05", "01:45", "04:00", ["04-04 15:15/04-04 17:30"]),
        (LORD_HOWE, "2026-04-05", "00:30", "01:45", ["04-04 13:30/04-04 14:45"]),
        (LORD_HOWE, "2026-04-05", "01:35", "01:55", ["04-04 14:35/04-04 14:55"]),
        # Beirut's clocks go back at midnight: 00:00 of 25 October 2026 becomes 23:00.
        ("Asia/Beirut", "2026-10-24", "23:30", "00:30", ["10-24 21:30/10-24 22:30"]),
        # Apia had no 30 December 2011.
        ("Pacific/Apia", "2011-12-30", "01:00", "05:00", []),
    ],
)
def test_a_period_is_local_time_also_where_clocks_change(
    zone: str, day: str, begin: str, end: str, expected: list[str]
) -> None:
    """Skipped times are the jump; of repeated ones it begins at the second, ends at the first."""
    assert on(day, window(begin, end, zone)) == expected


def test_a_period_belongs_to_the_day_on_which_it_begins() -> None:
    """The night from Friday to Saturday is Friday's, the one from Sunday to Monday is not there."""
    one = window("22:00", "02:00", SHANGHAI, days=WORKDAYS)
    found = list(islice(periods(one, utc("2026-11-27 00:00")), 2))
    assert found == [
        Period(utc("2026-11-27 14:00"), utc("2026-11-27 18:00")),
        Period(utc("2026-11-30 14:00"), utc("2026-11-30 18:00")),
    ]


def test_an_excluded_date_excludes_the_period_that_begins_on_it() -> None:
    """24 December has no night of its own, but still the end of the one before."""
    one = window("22:00", "02:00", SHANGHAI, excluded=frozenset({date(2026, 12, 24)}))
    begins = [period.begin.day for period in islice(periods(one, utc("2026-12-23 17:00")), 3)]
    assert begins == [23, 25, 26]


def test_an_exception_on_a_closed_day_or_twice_changes_nothing() -> None:
    """A Saturday in `except` of a window on workdays."""
    excluded = frozenset({date(2026, 12, 25), date(2026, 12, 26)})
    one = window("01:00", "05:00", BERLIN, days=WORKDAYS, excluded=excluded)
    assert next(periods(one, utc("2026-12-24 12:00"))).begin == utc("2026-12-28 00:00")


def test_a_window_of_equal_times_is_open_for_whole_days() -> None:
    """Days that touch are one period; an excluded day ends it."""
    excluded = frozenset({date(2026, 11, 26)})
    one = window("06:00", "06:00", BERLIN, days=WORKDAYS, excluded=excluded)
    found = list(islice(periods(one, utc("2026-11-23 00:00")), 2))
    assert found == [
        Period(utc("2026-11-23 05:00"), utc("2026-11-26 05:00")),
        Period(utc("2026-11-27 05:00"), utc("2026-11-28 05:00")),
    ]


def test_a_window_of_all_days_never_closes() -> None:
    """Not in the hours that come twice, either."""
    (whole,) = periods(window("02:30", "02:30", BERLIN), utc("2026-10-20 00:00"))
    assert whole.end - whole.begin > timedelta(days=1000)


def test_a_window_whose_days_are_all_excluded_has_no_periods() -> None:
    """The search ends."""
    excluded = frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(1500))
    one = window("01:00", "05:00", BERLIN, excluded=excluded)
    assert list(periods(one, utc("2026-06-01 00:00"))) == []


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-25 16:59:59", False),
        ("2026-11-25 17:00:00", True),
        ("2026-11-25 20:59:59", True),
        ("2026-11-25 21:00:00", False),
    ],
)
def test_a_period_holds_its_begin_and_not_its_end(now: str, *, is_open: bool) -> None:
    """From 01:00 until before 05:00 in Shanghai."""
    found = open_period(window("01:00", "05:00", SHANGHAI), utc(now))
    assert (found is not None) is is_open


def test_no_window_is_always_open() -> None:
    """From now on."""
    now = utc("2026-11-25 16:00")
    assert open_period(None, now) == Period(now, FOREVER)


def test_time_zones_come_with_the_function() -> None:
    """The machine of a function may have no data about them."""
    zoneinfo.reset_tzpath(to=())
    try:
        berlin = ZoneInfo.no_cache("Europe/Berlin")
    finally:
        zoneinfo.reset_tzpath()
    assert datetime(2026, 7, 1, tzinfo=berlin).utcoffset() == timedelta(hours=2)


def test_an_unknown_zone_is_an_error() -> None:
    """The spec's form refuses it before."""
    with pytest.raises(ZoneInfoNotFoundError):
        next(periods(window("01:00", "05:00", "Europe/Nowhere"), utc("2026-11-25 16:00")))


@pytest.mark.parametrize(
    ("begin", "end", "days", "seconds"),
    [
        ("01:00", "05:00", WORKDAYS, 4 * 3600),
        ("22:00", "02:30", WORKDAYS, 4.5 * 3600),
        ("00:00", "00:00", frozenset({0, 5, 6}), 3 * 86_400),
        ("00:00", "00:00", frozenset(range(7)), None),
    ],
)
def test_the_longest_period_by_its_times(
    begin: str, end: str, days: frozenset[int], seconds: float | None
) -> None:
    """Sunday and Monday touch."""
    assert longest_seconds(window(begin, end, BERLIN, days=days)) == seconds


TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))


@given(
    zone=st.sampled_from([SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE]),
    begin=TIMES,
    end=TIMES,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - UTC below
)
@example(BERLIN, time(2, 15), time(2, 45), frozenset({6}), datetime(2026, 10, 24))  # noqa: DTZ001 - as above
def test_periods_are_ordered_apart_and_inside_local_time(
    zone: str, begin: time, end: time, days: frozenset[int], after: datetime
) -> None:
    """None is empty, none is more than a change of the clock longer than its times say."""
    one = Window(begin, end, zone, days)
    now = after.replace(tzinfo=UTC)
    found = list(islice(periods(one, now), 12))
    assert all(period.begin < period.end and period.end > now for period in found)
    assert all(early.end < late.begin for early, late in pairwise(found))
    longest = longest_seconds(one)
    if begin != end and longest:
        for period in found:
            assert period.end - period.begin <= timedelta(seconds=longest + 3600)
            local = period.begin.astimezone(ZoneInfo(zone)).time()
            assert local == begin or period.begin.minute in {0, 30}
