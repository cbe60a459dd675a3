"""Cron expressions with seconds, in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Literal

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


@dataclass(frozen=True)
class Cron:
    """Ticks at the times of a wall clock that match an expression.

    A time that the clocks skip does not tick that day; one that they show twice ticks twice
    (robfig/cron). cronsim finds the matching wall-clock times without a zone; this class converts
    them, because cronsim with a zone misses times beside a change at midnight, and the second half
    of a change by half an hour.

    Attributes:
        expression: Six fields in cronsim's syntax.
        zone: The zone of the wall clock.
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
    """Parse a cron expression of six fields.

    The fields are second, minute, hour, day of month, month, day of week. Five fields are refused:
    in FunctionGraph the *last* one is then missing, in a crontab the *first*, so a nightly schedule
    copied from a crontab would tick hourly.

    Args:
        text: The fields, separated by spaces.
        zone: The time zone of its times.

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
        _check(CronSim(expression, datetime(2000, 1, 1)))  # noqa: DTZ001 - a wall clock's time
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


def _check(parsed: CronSim) -> None:
    """Refuse extensions of cronsim that robfig/cron lacks: `L`, `LW`, `5L`, `6#3`, Sunday as 7."""
    if min(parsed.days) < 0:
        raise CronSimError("Bad day-of-month")
    if not parsed.parts[-1].startswith("*") and not parsed.weekdays <= set(range(7)):
        raise CronSimError("Bad day-of-week")
