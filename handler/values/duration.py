"""Durations and times in settings and specs: `90m`, `6h`, `2d`, `2026-11-25T12:00:00Z`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.values.rfc3339 import parse_rfc3339

if TYPE_CHECKING:
    from datetime import datetime

PATTERN = r"([1-9][0-9]{0,5})([mhd])"
"""A regular expression that matches a duration."""

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
LONGEST_VALIDITY = 30 * 86_400
"""Seconds of the longest time for which a job can be valid."""

_LONGEST_MEMORY = 3650 * 86_400


def seconds_of(text: str) -> int:
    """Return the seconds of a duration.

    Raises:
        ValueError: The text is not a duration, or is longer than 30 days.
    """
    seconds = _seconds_of(text)
    if seconds > LONGEST_VALIDITY:
        raise ValueError("must be 30 days at most")
    return seconds


def retention_of(text: str) -> int:
    """Return the seconds for which closed deliveries are remembered.

    Longer than a job can be valid, so that whatever may still be run is still known.

    Raises:
        ValueError: The text is no duration, or not from 31 to 3,650 days.
    """
    seconds = _seconds_of(text)
    if not LONGEST_VALIDITY < seconds <= _LONGEST_MEMORY:
        raise ValueError("must be more than 30 days, and 3,650 days at most, such as 90d")
    return seconds


def _seconds_of(text: str) -> int:
    match = re.fullmatch(PATTERN, text)
    if match is None:
        raise ValueError("must be a number and m, h or d, such as 90m, 6h or 2d")
    return int(match[1]) * _SECONDS[match[2]]


def duration_text(seconds: int) -> str:
    """Return the duration of whole minutes that `seconds_of` reads as these seconds."""
    unit = next(unit for unit in "dhm" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def instant_of(text: str) -> datetime:
    """Return a time in UTC.

    Raises:
        ValueError: The text is not a time with an offset.
    """
    time = parse_rfc3339(text)
    if time is None:
        raise ValueError("must be a time with its offset, such as 2026-11-25T12:00:00Z")
    return time
