"""A folder of a bucket, as the audit log wants to see one: names, bytes and a clock."""

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
"""The most that is read of one; a segment, an index, the bodies of a plan are far smaller."""

_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class ObsFolders:
    """Opens folders of buckets.

    Attributes:
        obs: OBS; its own credentials are not used.
        keys: What is signed with instead, at the time of each request, and its deadline.
    """

    obs: Obs
    keys: CurrentCredentials

    def __call__(self, bucket: str, prefix: str) -> ObsFolder:
        """Return a folder.

        Args:
            bucket: The bucket's name.
            prefix: "", or the folder's path with a slash at its end.
        """

        def obs() -> Obs:
            keys = self.keys
            return replace(self.obs, credentials=keys.current(), deadline=keys.deadline())

        return ObsFolder(obs, bucket, prefix)


class ObsFolder:
    """The objects of a bucket whose keys have one prefix.

    Args:
        obs: Returns OBS with the keys to sign with now.
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
        """Where it is, for messages."""
        return f"obs://{self._bucket}/{self._prefix}"

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append to an object of that length; False if it has another one.

        Raises:
            CloudError: It cannot be appended to, or OBS could not be asked, or did not answer.
        """
        sent_at = self._clock.local_now()
        result = self._obs().append(self._bucket, self._prefix + name, position, data)
        self._clock.observe(result.date, sent_at)
        return result.done

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return an object's bytes from `first` on (from the end if negative), or None.

        Raises:
            CloudError: It may not be read, or OBS could not be asked, or did not answer.
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
        """Write an object, replacing what is there.

        Raises:
            CloudError: It may not be written, or OBS could not be asked, or did not answer.
        """
        self._obs().write(self._bucket, self._prefix + name, data, content_type=_CONTENT_TYPE)

    def delete(self, name: str) -> None:
        """Remove an object; it need not be there.

        Raises:
            CloudError: It may not be removed, or OBS could not be asked, or did not answer.
        """
        self._obs().delete(self._bucket, self._prefix + name)

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, in their order.

        Raises:
            CloudError: They may not be listed, or OBS could not be asked, or did not answer.
        """
        for one in self._obs().list_objects(self._bucket, self._prefix):
            yield one.key.removeprefix(self._prefix)

    def now(self) -> datetime:
        """Return OBS's clock."""
        return self._clock.now()

    def close(self) -> None:
        """Let go of connections."""
        self._obs().transport.close()
