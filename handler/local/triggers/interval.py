"""Schedules with a fixed interval: FunctionGraph's `Rate`, and `@every`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

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


@dataclass(frozen=True)
class Interval:
    """A tick at a fixed interval of elapsed time, independent of clock changes.

    Attributes:
        seconds: Whole seconds from one tick to the next, at least 1.
    """

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
