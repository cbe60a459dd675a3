"""Parses timer schedules in FunctionGraph's syntax.

    3m 1h 1d                      a Rate: 1 to 60 minutes, 1 to 24 hours, 1 to 30 days
    @every 1h30m                  any duration
    0 0 2 * * MON-FRI             cron: second minute hour day-of-month month day-of-week
    CRON_TZ=Europe/Berlin 0 0 2 * * *   cron, in a time zone

(FunctionGraph user guide, 01_0207 and 01_0908.) `@every` and cron follow robfig/cron, whose
syntax the guide describes: if both day fields are restricted, either may match.
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
    """Return the schedule that a text describes.

    Args:
        text: A rate, `@every` and a duration, or a cron expression.
        zone: The time zone of expressions that name none; on the platform, its region's.

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
