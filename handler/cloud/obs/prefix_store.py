"""The objects under a prefix of a bucket, as an object store for the audit log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handler.cloud.obs.server_clock import ServerClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from handler.cloud.credentials import CurrentCredentials
    from handler.cloud.obs.client import Obs

LARGEST_OBJECT = 256 * 1024 * 1024
"""The maximum size of an object that is read; those of a log are far smaller."""

_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class ObsFolders:
    """Opens prefixes of buckets.

    Attributes:
        obs: OBS; its own credentials are not used.
        keys: The credentials and the deadline of each request.
    """

    obs: Obs
    keys: CurrentCredentials

    def __call__(self, bucket: str, prefix: str) -> ObsFolder:
        """Return the object store under a prefix.

        Args:
            bucket: The bucket's name.
            prefix: "" or a prefix that ends with a slash.
        """

        def obs() -> Obs:
            keys = self.keys
            return replace(self.obs, credentials=keys.current(), deadline=keys.deadline())

        return ObsFolder(obs, bucket, prefix)


class ObsFolder:
    """The objects under a prefix of a bucket.

    Args:
        obs: Returns OBS with the current credentials.
        bucket: The bucket.
        prefix: The prefix.
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
        """Append to an object of that length; False if it has another one.

        Raises:
            CloudError: It cannot be appended to, or the call failed.
        """
        sent_at = self._clock.local_now()
        result = self._obs().append(self._bucket, self._prefix + name, position, data)
        self._clock.observe(result.date, sent_at)
        return result.done

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return an object's bytes from `first` on (from the end if negative), or None.

        Raises:
            CloudError: It may not be read, or the call failed.
        """
        sent_at = self._clock.local_now()
        result = self._obs().read_from(
            self._bucket, self._prefix + name, first, max_bytes=LARGEST_OBJECT
        )
        if result is None:
            return None
        self._clock.observe(result.date, sent_at)
        return result.data

    def write(self, name: str, data: bytes) -> None:
        """Write an object; an existing one is replaced.

        Raises:
            CloudError: It may not be written, or the call failed.
        """
        self._obs().write(self._bucket, self._prefix + name, data, content_type=_CONTENT_TYPE)

    def delete(self, name: str) -> None:
        """Delete an object if it exists.

        Raises:
            CloudError: It may not be deleted, or the call failed.
        """
        self._obs().delete(self._bucket, self._prefix + name)

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, in order.

        Raises:
            CloudError: They may not be listed, or the call failed.
        """
        for one in self._obs().list_objects(self._bucket, self._prefix):
            yield one.key.removeprefix(self._prefix)

    def now(self) -> datetime:
        """Return OBS's clock."""
        return self._clock.now()

    def close(self) -> None:
        """Close idle connections."""
        self._obs().transport.close()
