"""Notifications of new objects, delivered in order by a thread of their own.

Delivery is best effort, as with OBS: a notification that fails several times is dropped, and those
that are pending when the process ends are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import TypeAlias

_LOGGER = logging.getLogger(__name__)
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Notification:
    """A notification of a new object: key not encoded, entity tag without quotes.

    `event_name` is `ObjectCreated:Put` or `ObjectCreated:Post`; `version_id` is `null` without
    versioning. With `raw_key`, EventGrid's event does not encode the key.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str
    event_name: str
    request_id: str
    raw_key: bool = False


RaiseEvent: TypeAlias = Callable[[Notification], None]
"""Delivers a notification; if it raises, it is called again."""


class Notifications:
    """The queue of notifications, and the thread that delivers them."""

    def __init__(
        self, raise_event: RaiseEvent | None, *, tries: int = 6, first_pause: float = 0.1
    ) -> None:
        """Create an empty queue; pauses between tries are in seconds, doubled with every try."""
        self._raise_event = raise_event
        self._tries = tries
        self._first_pause = first_pause
        self._stopped = Event()
        self._queue: SimpleQueue[Notification | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="notifications", daemon=True)

    @property
    def wanted(self) -> bool:
        """Whether notifications are delivered at all."""
        return self._raise_event is not None

    def add(self, notification: Notification) -> None:
        """Queue a notification."""
        if self.wanted:
            self._queue.put(notification)

    def start(self) -> None:
        """Start delivery."""
        if self.wanted:
            self._thread.start()

    def stop(self) -> None:
        """Stop delivery; wait up to five seconds for a delivery in progress."""
        self._stopped.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while (notification := self._queue.get()) and not self._stopped.is_set():
            self._deliver(notification)

    def _deliver(self, notification: Notification) -> None:
        for number in range(self._tries):
            try:
                if self._raise_event is not None:
                    self._raise_event(notification)
            except Exception as error:  # noqa: BLE001 - the next try may succeed
                reason = error
            else:
                return
            if self._stopped.wait(self._first_pause * 2**number):
                return
        _LOGGER.warning("the notification of %s was dropped: %s", notification.key, reason)
