"""A service's clock, as far as its answers tell."""

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
    """This machine's clock, moved by no more than the service's answers ask for.

    `Date` (RFC 9110, 6.6.1) has whole seconds: it says that the service's time was within a
    second, somewhere between the request and the answer. Two machines whose clocks are right
    within that agree with the service and keep their own microseconds.

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

    def observe(self, date: str, asked: datetime) -> None:
        """Take an answer's date into account.

        Args:
            date: The header; one that cannot be read, or is weeks from this machine's clock, says
                nothing: no signature made by such a clock is accepted.
            asked: When the request left, by this machine's clock.
        """
        said = date_of(date)
        if said is None or abs(said - asked) > _FARTHEST:
            return
        least, most = said - self._clock(), said + _SECOND - asked
        with self._lock:
            self._offset = min(max(self._offset, least), most)


def date_of(header: str) -> datetime | None:
    """Return the time that a `Date` header says, aware; None if it cannot be read."""
    try:
        said = parsedate_to_datetime(header)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    if not _FIRST_YEAR < said.year < _LAST_YEAR:
        return None  # no sum or difference of it leaves what a date can be
    return said if said.tzinfo else said.replace(tzinfo=timezone.utc)
