"""A maintenance window: the periods of local time in which waves may run.

A period belongs to the day on which it begins, also across midnight; a window whose `begin` and
`end` are equal is open for whole days, and periods that touch are one. Where clocks change:

- A time that a clock skips stands for the moment at which it jumps; a period that is left empty by
  this does not take place.
- Of a time that comes twice, a period begins at the second and ends at the first, so that no
  period is longer than its times say because it begins or ends there. If it begins and ends within
  the repeated time, it is the first pass; whole days begin at the first, so that none is lost.
- A period that a change of the clock falls into lasts from its one local time to the other, an
  hour more or less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

FOREVER = datetime(9999, 12, 31, tzinfo=timezone.utc)
"""The end of the period of a rollout without a window."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
DAY_SECONDS = 86_400

_LOOKAHEAD = timedelta(days=3 * 366)
_STEP = timedelta(days=1)
_LONGEST_PERIOD = timedelta(days=2)


@dataclass(frozen=True)
class Window:
    """When waves may run, in local time.

    Attributes:
        begin: When a period begins.
        end: When it ends: on the next day if that is not after `begin`.
        timezone: The name of the time zone, such as `Asia/Shanghai`.
        days: The days on which periods begin, Monday 0.
        excluded: Dates on which no period begins.
    """

    begin: time
    end: time
    timezone: str
    days: frozenset[int] = EVERY_DAY
    excluded: frozenset[date] = field(default_factory=frozenset)


class Period(NamedTuple):
    """A time in which waves may run: from `begin` until before `end`, in UTC."""

    begin: datetime
    end: datetime


def periods(window: Window, after: datetime) -> Iterator[Period]:
    """Yield the periods that end after a time, in order, for three years.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: There is no such time zone, or no time zone data.
    """
    joined: Period | None = None
    for period in _daily(window, after):
        if joined is None or joined.end < period.begin:
            if joined:
                yield joined
            joined = period
        else:
            joined = Period(joined.begin, max(joined.end, period.end))
    if joined:
        yield joined


def open_period(window: Window | None, now: datetime) -> Period | None:
    """Return the period in which a time lies, None if it lies in none; no window is always open."""
    if window is None:
        return Period(now, FOREVER)
    period = next(periods(window, now), None)
    return period if period and period.begin <= now else None


def longest_seconds(window: Window) -> int | None:
    """Return how long a window's longest period is by its times; None if it never closes."""
    if window.begin != window.end:
        return int((_length(window.begin, window.end)).total_seconds())
    if window.days == EVERY_DAY:
        return None
    run = longest = 0
    for day in (*range(7), *range(7)):
        run = run + 1 if day in window.days else 0
        longest = max(longest, run)
    return longest * DAY_SECONDS


def _length(begin: time, end: time) -> timedelta:
    span = datetime.combine(date.min, end) - datetime.combine(date.min, begin)
    return span if span > timedelta() else span + _STEP


def _daily(window: Window, after: datetime) -> Iterator[Period]:
    """Yield the period of each day, if it ends after a time."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(window.timezone)
    day = (after - _LONGEST_PERIOD).astimezone(zone).date()
    last = day + _LOOKAHEAD
    while day <= last:
        if day.weekday() in window.days and day not in window.excluded:
            period = _period(window, day, zone)
            if period.begin < period.end and period.end > after:
                yield period
        day += _STEP


def _period(window: Window, day: date, zone: tzinfo) -> Period:
    begin = datetime.combine(day, window.begin)
    end = _moment(begin + _length(window.begin, window.end), zone)
    second = _moment(begin.replace(fold=1), zone)
    takes_second = window.begin != window.end and second < end
    return Period(second if takes_second else _moment(begin, zone), end)


def _moment(local: datetime, zone: tzinfo) -> datetime:
    """Return when clocks of a zone show a time; if they skip it, when they jump over it."""
    moment = local.replace(tzinfo=zone).astimezone(timezone.utc)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(fold=0):
        return moment
    early, late = (
        local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (1, 0)
    )
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
