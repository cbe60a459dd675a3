"""Durations as people write them: `90m`, `6h`, `2d`."""

from __future__ import annotations

import re

PATTERN = r"([1-9][0-9]{0,5})([mhd])"
"""A whole duration, as a regular expression."""

_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_LONGEST = 30 * 86_400


def seconds_of(text: str) -> int:
    """Return the seconds of a duration.

    Raises:
        ValueError: The text is no duration, or longer than 30 days.
    """
    match = re.fullmatch(PATTERN, text)
    if match is None:
        raise ValueError("must be a number and m, h or d, such as 90m, 6h or 2d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST:
        raise ValueError("must be 30 days at most")
    return seconds
