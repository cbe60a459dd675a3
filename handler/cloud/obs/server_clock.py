"""Estimates a service's clock from its responses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SECOND = timedelta(seconds=1)
_FIRST_YEAR, _LAST_YEAR = 1, 9999
_FARTHEST = timedelta(days=30)


class ServerClock:
    """This machine's clock, corrected by the smallest offset that agrees with the service.

    `Date` (RFC 9110, 6.6.1) has whole seconds: the service's time was in that second at some time
    between request and response. A clock that agrees with that is not changed.

    Args:
        clock: This machine's clock, aware.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._offset = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the service's time."""
        return self._clock() + self._offset

    def local_now(self) -> datetime:
        """Return this machine's time, for `observe`."""
        return self._clock()

    def observe(self, date: str, sent_at: datetime) -> None:
        """Correct the offset by a response.

        Args:
            date: The `Date` header. An invalid one is ignored, and one that is weeks from this
                machine's clock: the service would not accept our signatures.
            sent_at: When the request was sent, by this machine's clock.
        """
        time = date_of(date)
        if time is None or abs(time - sent_at) > _FARTHEST:
            return
        least, most = time - self._clock(), time + _SECOND - sent_at
        with self._lock:
            self._offset = min(max(self._offset, least), most)


def date_of(header: str) -> datetime | None:
    """Return the time of a `Date` header, aware; None for an invalid one."""
    try:
        time = parsedate_to_datetime(header)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    if not _FIRST_YEAR < time.year < _LAST_YEAR:
        return None  # sums and differences stay within the range of `datetime`
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
