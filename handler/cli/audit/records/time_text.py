"""Times and time spans as short text."""

from __future__ import annotations

_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
_SHORT_SPAN = 10


def format_span(seconds: float) -> str:
    """Return a time span in at most two units: `0.4 s`, `12 s`, `35 min`, `7 h 2 min`."""
    rounded = round(seconds)
    for large, large_name, small, small_name in _UNITS:
        if rounded >= large:
            rest = rounded % large // small
            return f"{rounded // large} {large_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{rounded} s" if rounded >= _SHORT_SPAN else f"{seconds:.1f} s"


def format_time(timestamp: object) -> str:
    """Return a timestamp of a record to the second: `2026-11-25 12:00:00`."""
    return str(timestamp)[:19].replace("T", " ")


def format_minute(timestamp: object) -> str:
    """Return a timestamp of a record to the minute: `2026-11-25 12:00`."""
    return format_time(timestamp)[:16]
