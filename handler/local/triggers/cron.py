"""Cron expressions with seconds, in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Literal

from cronsim import CronSim, CronSimError

from handler.local.triggers.cron_field import FIELDS
from handler.values.display import display

_SECOND = timedelta(seconds=1)
_HALF_DAY = timedelta(hours=12)  # longer than any change of the clocks


@dataclass(frozen=True)
class Cron:
    """A tick whenever a wall clock shows one of certain times.

    A time that the clocks leave out does not tick that day, one that they show twice ticks twice
    (robfig/cron). cronsim walks the calendar; what a zone makes of a wall clock's time is decided
    here, since in a zone of its own cronsim misses times beside a change at midnight, and the
    second half of a change by half an hour.

    Attributes:
        expression: Six fields, each `*` or a list of numbers.
        zone: Where the wall clock hangs.
    """

    expression: str
    zone: tzinfo

    def after(self, moment: datetime) -> datetime:
        """Return the first tick after an aware moment, in the moment's own zone."""
        start = moment.astimezone(timezone.utc)
        found = [tick for fold in (0, 1) if (tick := self._after(start, fold)) is not None]
        return min(found).astimezone(moment.tzinfo)

    def latest(self, tick: datetime, now: datetime) -> datetime:
        """Return the last tick that is not after `now`, given an earlier one.

        The way back from `now` is searched in doubling steps, so that a long sleep costs little.
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
        """Return what the clock shows at the start, or will show again soon after it."""
        shown = start.astimezone(self.zone).replace(tzinfo=None, fold=0)
        if fold == 0:
            return shown
        later = (start + _HALF_DAY).astimezone(self.zone).replace(tzinfo=None, fold=0)
        return min(shown, later - _HALF_DAY)


def cron(text: str, zone: tzinfo) -> Cron:
    """Return what a cron expression of six fields says.

    The fields are second, minute, hour, day of month, month, day of week. FunctionGraph lets the
    *last* be left out, a crontab has no *first*: five fields are refused, since whoever writes them
    mostly means a crontab, and would get an hourly tick for a nightly one.

    Args:
        text: The fields, separated by spaces.
        zone: The time zone it is meant in.

    Raises:
        ValueError: A field is wrong or missing, or no date ever matches.
    """
    given = text.split()
    if len(given) == len(FIELDS) - 1:
        shown = display(" ".join(given))
        raise ValueError(
            f"a cron expression has six fields, of which the first is the second: if {shown} is "
            f"meant as in a crontab, write 0 {shown}; if its first field is the second, write "
            f"{shown} *"
        )
    if len(given) != len(FIELDS):
        raise ValueError(
            "a cron expression has six fields: second, minute, hour, day of month, month and day "
            "of week; a rate is a number and m, h or d, such as 3m"
        )
    expression = " ".join(field.read(part) for field, part in zip(FIELDS, given, strict=True))
    try:
        next(CronSim(expression, datetime(2000, 1, 1)))  # noqa: DTZ001 - a wall clock's time
    except (CronSimError, StopIteration) as error:
        raise ValueError("no date ever matches: no such month has that day") from error
    return Cron(expression, zone)
