"""When a timer ticks, in FunctionGraph's own syntax.

    3m 1h 1d                      a Rate: 1 to 60 minutes, 1 to 24 hours, 1 to 30 days
    @every 1h30m                  any duration
    0 0 2 * * MON-FRI             cron: second minute hour day-of-month month day-of-week
    CRON_TZ=Europe/Berlin 0 0 2 * * *   cron, in a time zone

(FunctionGraph user guide, 01_0207 and 01_0908.) `@every` and cron are those of robfig/cron, which
the guide's syntax is: when both day fields are restricted, either may match.
"""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from handler.local.triggers.cron import Cron, cron
from handler.local.triggers.interval import Interval, every, rate

if TYPE_CHECKING:
    from datetime import tzinfo

Schedule: TypeAlias = "Interval | Cron"

_EVERY = "@every"
_ZONES = ("CRON_TZ=", "TZ=")


def parse(text: str, zone: tzinfo = timezone.utc) -> Schedule:
    """Return the schedule that a text describes; its `after(moment)` gives the next tick.

    Args:
        text: A rate, `@every` and a duration, or a cron expression.
        zone: The zone for expressions that name none; the platform takes its region's.

    Raises:
        ValueError: The text is none of these; the message says what would be right.
    """
    text = text.strip()
    if text.startswith(_ZONES):
        prefix, _, text = text.partition(" ")
        zone, text = _zone(prefix.partition("=")[2]), text.strip()
    elif steady := rate(text):
        return steady
    if text.startswith("@"):
        word, _, duration = text.partition(" ")
        if word != _EVERY:
            raise ValueError("of the words with @ only @every is documented, such as @every 1h30m")
        return every(duration.strip())
    return cron(text, zone)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            "the time zone is not known here; write it as the tz database does: Europe/Berlin"
        ) from error
