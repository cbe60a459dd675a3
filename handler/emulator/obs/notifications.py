"""Notifications of new objects, delivered in order by a thread of their own.

Delivery is best effort, as with OBS: a notification that fails several times is dropped, and those
that are pending when the process ends are lost.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import Protocol

_LOGGER = logging.getLogger(__name__)
_LONGEST_STOP = 5.0


class RaiseEvent(Protocol):
    """Tells somebody of a new object; raises if it could not, and is then called again."""

    def __call__(  # noqa: PLR0913 - what an event of OBS holds
        self,
        *,
        bucket: str,
        key: str,
        size: int,
        etag: str,
        version_id: str,
        event_name: str,
        request_id: str,
    ) -> None:
        """Tell of an object; the arguments are those of `Notification`."""


@dataclass(frozen=True)
class Notification:
    """A new object.

    Attributes:
        bucket: Its bucket.
        key: Its key, not encoded.
        size: Its length in bytes.
        etag: Its entity tag, without quotes.
        version_id: Its version id, `null` without versioning.
        event_name: `ObjectCreated:Put` or `ObjectCreated:Post`.
        request_id: The id of the request that wrote it, as its answer has it.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str
    event_name: str
    request_id: str


class Notifications:
    """The notifications that are still to be told."""

    def __init__(
        self, raise_event: RaiseEvent | None, *, tries: int = 6, first_pause: float = 0.1
    ) -> None:
        """Begin without any.

        Args:
            raise_event: Who is told; None for nobody.
            tries: How often a notification is told before it is dropped.
            first_pause: Seconds before the second try; they double from try to try.
        """
        self._raise_event = raise_event
        self._tries = tries
        self._first_pause = first_pause
        self._stopped = Event()
        self._queue: SimpleQueue[Notification | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="notifications", daemon=True)

    @property
    def wanted(self) -> bool:
        """Whether anybody is told."""
        return self._raise_event is not None

    def add(self, notification: Notification) -> None:
        """Have a notification told, soon."""
        if self.wanted:
            self._queue.put(notification)

    def start(self) -> None:
        """Begin to tell."""
        if self.wanted:
            self._thread.start()

    def stop(self) -> None:
        """Stop telling; a call under way is waited for, though not for ever."""
        self._stopped.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(_LONGEST_STOP)

    def _run(self) -> None:
        while (notification := self._queue.get()) and not self._stopped.is_set():
            self._tell(notification)

    def _tell(self, notification: Notification) -> None:
        for number in range(self._tries):
            try:
                if self._raise_event is not None:
                    self._raise_event(**asdict(notification))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed
                reason = error
            else:
                return
            if self._stopped.wait(self._first_pause * 2**number):
                return
        _LOGGER.warning("nobody took the notification of %s: %s", notification.key, reason)
