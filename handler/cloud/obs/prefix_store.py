"""The objects under a prefix of a bucket, as an object store for the audit log with OBS's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.cloud.credentials import CurrentCredentials
    from handler.cloud.obs.client import Obs

_SECOND = timedelta(seconds=1)
_FIRST_YEAR, _LAST_YEAR = 1, 9999
_FARTHEST = timedelta(days=30)

LARGEST_OBJECT = 256 * 1024 * 1024
"""The maximum size of an object that is read; those of a log are far smaller."""

_CONTENT_TYPE = "application/octet-stream"


class ServerClock:
    """This machine's clock (aware), corrected by the smallest offset that agrees with the service.

    `Date` (RFC 9110, 6.6.1) has whole seconds: the service's time was in that second at some time
    between request and response. A clock that agrees with that is not changed.
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


@dataclass(frozen=True)
class ObsFolders:
    """Opens prefixes of buckets, with the credentials and deadline of each request in `keys`."""

    obs: Obs
    keys: CurrentCredentials

    def __call__(self, bucket: str, prefix: str) -> ObsFolder:
        """Return the object store under a prefix, which is "" or ends with a slash."""

        def obs() -> Obs:
            keys = self.keys
            return self.obs._replace(credentials=keys.current(), deadline=keys.deadline())

        return ObsFolder(obs, bucket, prefix)


class ObsFolder:
    """The objects under a prefix of a bucket; `obs` returns OBS with the current credentials.

    Every call raises CloudError if it failed or is not allowed.
    """

    def __init__(self, obs: Callable[[], Obs], bucket: str, prefix: str) -> None:
        self._obs = obs
        self._bucket = bucket
        self._prefix = prefix
        self._clock = ServerClock(lambda: obs().clock())

    @property
    def place(self) -> str:
        """Its address, for messages."""
        return f"obs://{self._bucket}/{self._prefix}"

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append to an object of that length; False if it has another one."""
        sent_at = self._clock.local_now()
        result = self._obs().append(self._bucket, self._prefix + name, position, data)
        self._clock.observe(result.date, sent_at)
        return result.done

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return an object's bytes from `first` on (from the end if negative), or None."""
        sent_at = self._clock.local_now()
        result = self._obs().read_from(
            self._bucket, self._prefix + name, first, max_bytes=LARGEST_OBJECT
        )
        if result is None:
            return None
        self._clock.observe(result.date, sent_at)
        return result.data

    def write(self, name: str, data: bytes) -> None:
        """Write an object; an existing one is replaced."""
        self._obs().write(self._bucket, self._prefix + name, data, content_type=_CONTENT_TYPE)

    def delete(self, name: str) -> None:
        """Delete an object if it exists."""
        self._obs().delete(self._bucket, self._prefix + name)

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, in order."""
        for one in self._obs().list_objects(self._bucket, self._prefix):
            yield one.key.removeprefix(self._prefix)

    def now(self) -> datetime:
        """Return OBS's clock."""
        return self._clock.now()

    def close(self) -> None:
        """Close idle connections."""
        self._obs().transport.close()
