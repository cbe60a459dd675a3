"""Times in events (RFC 3339)."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_RFC_3339 = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_rfc3339(text: str | None) -> datetime | None:
    """Return a time in UTC; None for a text without an offset or in another format.

    Up to nine fractional digits, as EventGrid writes them, are cut to microseconds.
    """
    found = _RFC_3339.fullmatch(text or "")
    if found is None:
        return None
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    offset = "+00:00" if found["offset"] in "Zz" else found["offset"]
    try:
        local = datetime.fromisoformat(f"{found['day']}T{found['time']}.{fraction}{offset}")
        return local.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
