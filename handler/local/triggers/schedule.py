"""Parses timer schedules in FunctionGraph's syntax.

    3m 1h 1d                      a Rate: 1 to 60 minutes, 1 to 24 hours, 1 to 30 days
    @every 1h30m                  any duration
    0 0 2 * * MON-FRI             cron: second minute hour day-of-month month day-of-week
    CRON_TZ=Europe/Berlin 0 0 2 * * *   cron, in a time zone

(FunctionGraph user guide, 01_0207 and 01_0908.) `@every` and cron follow robfig/cron, whose
syntax the guide describes: if both day fields are restricted, either may match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from handler.values.display import display

_SECOND = timedelta(seconds=1)
_HALF_DAY = timedelta(hours=12)  # longer than any change of the clocks
_FIELDS = 6
_SYNTAX = (
    "second and minute are 0-59, hour 0-23, day of month 1-31, month 1-12 or jan-dec, day of week "
    "0-6 or sun-sat; each may be a number, a range, a list, * or a step such as */2; a step is at "
    "least 1 and a range does not end before it begins; only the two day fields may be ?; some "
    "month must have the day"
)

_RATE = re.compile(r"([1-9][0-9]{0,2})([mhd])")
_LARGEST_RATE = {"m": 60, "h": 24, "d": 30}
_RATE_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {
    **dict.fromkeys(("us", "µs", "μs"), Decimal("1e-6")),
    "ns": Decimal("1e-9"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_LONGEST = 366 * 86_400  # seconds; a longer one has a wrong unit

Schedule: TypeAlias = "Interval | Cron"

_EVERY = "@every"
_ZONES = ("CRON_TZ=", "TZ=")


@dataclass(frozen=True)
class Cron:
    """Ticks at the times of a zone's wall clock that match six fields in cronsim's syntax.

    A time that the clocks skip does not tick that day; one that they show twice ticks twice
    (robfig/cron). cronsim finds the matching wall-clock times without a zone; this class converts
    them, because cronsim with a zone misses times beside a change at midnight, and the second half
    of a change by half an hour.
    """

    expression: str
    zone: tzinfo

    def after(self, moment: datetime) -> datetime:
        """Return the first tick after a time with a zone, in that zone."""
        start = moment.astimezone(timezone.utc)
        found = [tick for fold in (0, 1) if (tick := self._after(start, fold)) is not None]
        return min(found).astimezone(moment.tzinfo)

    def latest(self, tick: datetime, now: datetime) -> datetime:
        """Return the last tick that is not after `now`, given an earlier one.

        The search goes back from `now` in doubling steps, so it is fast after a long sleep.
        """
        back = _SECOND
        while now - back > tick:
            found = self.after(now - back)
            if found <= now:
                tick = found
                break
            back *= 2
        while (later := self.after(tick)) <= now:
            tick = later
        return tick

    def _after(self, start: datetime, fold: Literal[0, 1]) -> datetime | None:
        """Return the first tick, reading each time shown twice as the first or the second one."""
        for wall in CronSim(self.expression, self._wall(start, fold)):
            tick = wall.replace(tzinfo=self.zone, fold=fold).astimezone(timezone.utc)
            shown = tick.astimezone(self.zone).replace(tzinfo=None, fold=0)
            if tick > start and shown == wall:
                return tick
        return None

    def _wall(self, start: datetime, fold: Literal[0, 1]) -> datetime:
        """Return the wall clock's time at the start, or the time it will show again soon after."""
        shown = start.astimezone(self.zone).replace(tzinfo=None, fold=0)
        if fold == 0:
            return shown
        later = (start + _HALF_DAY).astimezone(self.zone).replace(tzinfo=None, fold=0)
        return min(shown, later - _HALF_DAY)


def cron(text: str, zone: tzinfo) -> Cron:
    """Parse a cron expression of six fields, separated by spaces, for the times of a zone.

    The fields are second, minute, hour, day of month, month, day of week. Five fields are refused:
    in FunctionGraph the *last* one is then missing, in a crontab the *first*, so a nightly schedule
    copied from a crontab would tick hourly.

    Raises:
        ValueError: A field is wrong or missing, or no date ever matches.
    """
    given = text.split()
    if len(given) == _FIELDS - 1:
        shown = display(" ".join(given))
        raise ValueError(
            f"a cron expression has six fields and starts with the second: if {shown} is from a "
            f"crontab, write 0 {shown}; if its first field is the second, write {shown} *"
        )
    if len(given) != _FIELDS:
        raise ValueError(
            "a cron expression has six fields: second, minute, hour, day of month, month and day "
            "of week; a rate is a number and m, h or d, such as 3m"
        )
    *time, day, month, weekday = given
    expression = " ".join([*time, _day_field(day, 1, 31), month, _day_field(weekday, 0, 6)])
    try:
        _check_extensions(CronSim(expression, datetime(2000, 1, 1)))  # noqa: DTZ001 - a wall clock's time
    except CronSimError as error:
        raise ValueError(f"the cron expression is not valid ({error}): {_SYNTAX}") from error
    return Cron(expression, zone)


def _day_field(text: str, low: int, high: int) -> str:
    """Translate a day field of robfig/cron to cronsim's syntax.

    cronsim requires both day fields to match if either begins with a star. robfig/cron does so if
    either contains an unrestricted term: `10,*` does, `*/2` does not.
    """
    terms = text.replace("?", "*").split(",")
    return ",".join(sorted(_day_term(term, low, high) for term in terms))  # stars sort first


def _day_term(text: str, low: int, high: int) -> str:
    start, slash, step = text.partition("/")
    if slash and "-" not in start and (start, step) != ("*", "1"):
        start = f"{low if start == '*' else start}-{high}"
    return start if step == "1" else f"{start}{slash}{step}"


def _check_extensions(parsed: CronSim) -> None:
    """Refuse extensions of cronsim that robfig/cron lacks: `L`, `LW`, `5L`, `6#3`, Sunday as 7."""
    if min(parsed.days) < 0:
        raise CronSimError("Bad day-of-month")
    if not parsed.parts[-1].startswith("*") and not parsed.weekdays <= set(range(7)):
        raise CronSimError("Bad day-of-week")


@dataclass(frozen=True)
class Interval:
    """A tick each `seconds` (at least 1) of elapsed time, independent of clock changes."""

    seconds: int

    def after(self, moment: datetime) -> datetime:
        """Return the next tick after a tick or a start, in the same time zone.

        Ticks fall on whole seconds (robfig/cron, `ConstantDelaySchedule`).
        """
        later = moment.astimezone(timezone.utc).replace(microsecond=0) + self._interval
        return later.astimezone(moment.tzinfo)

    def latest(self, tick: datetime, now: datetime) -> datetime:
        """Return the last tick that is not after `now`, given an earlier one."""
        missed = max(0, (now - tick) // self._interval)
        return (tick.astimezone(timezone.utc) + missed * self._interval).astimezone(tick.tzinfo)

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.seconds)


def rate(text: str) -> Interval | None:
    """Return the interval of a `Rate` such as `3m`, `1h` or `1d`, None for other text.

    Raises:
        ValueError: The number is above FunctionGraph's limit for its unit.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        return None
    number, unit = int(found[1]), found[2]
    if number > _LARGEST_RATE[unit]:
        raise ValueError(f"a rate in {_RATE_UNITS[unit]} is 1{unit} to {_LARGEST_RATE[unit]}{unit}")
    return Interval(number * int(_SECONDS.get(unit, Decimal(86_400))))


def every(text: str) -> Interval:
    """Return the interval of the text after `@every`, such as `1h30m`, `1.5h` or `90s`.

    The text is a duration of Go's `time.ParseDuration`. As in robfig/cron, fractions of a second
    are cut off, and shorter intervals become one second.

    Raises:
        ValueError: The text is not a duration, or the duration is zero or longer than a year.
    """
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError("@every takes numbers with units ns, us, ms, s, m or h, such as 1h30m")
    total = sum(Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if not 0 < total <= _LONGEST:
        raise ValueError("@every takes a duration above zero and up to a year")
    return Interval(max(1, int(total)))


def parse_schedule(text: str, zone: tzinfo = timezone.utc) -> Schedule:
    """Return the schedule that a text describes: a rate, `@every` and a duration, or cron.

    Expressions that name no time zone are in the given one; on the platform, in its region's.

    Raises:
        ValueError: The text is none of these; the message says what to write instead.
    """
    text = text.strip()
    if text.startswith(_ZONES):
        prefix, _, text = text.partition(" ")
        zone, text = _zone(prefix.partition("=")[2]), text.strip()
    elif interval := rate(text):
        return interval
    if text.startswith("@"):
        word, _, duration = text.partition(" ")
        if word != _EVERY:
            raise ValueError(
                "only @every is supported of the expressions with @, such as @every 1h30m"
            )
        return every(duration.strip())
    return cron(text, zone)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            "the time zone is unknown; use a name of the tz database, such as Europe/Berlin"
        ) from error
