"""Who is told of new objects, and when."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from handler.emulator.obs.notifications import Notification, Notifications

if TYPE_CHECKING:
    import pytest


@dataclass
class Receiver:
    """Somebody who is told, and refuses a few times at first."""

    refusals: int = 0
    received: list[str] = field(default_factory=list)
    open_door: Event = field(default_factory=Event)

    def __call__(self, notification: Notification) -> None:
        """Take a notification."""
        self.open_door.wait(2)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("not yet")
        self.received.append(notification.key)

    def wait_for_keys(self, count: int) -> list[str]:
        """Wait up to two seconds for some notifications and return them."""
        end = time.monotonic() + 2
        while len(self.received) < count and time.monotonic() < end:
            time.sleep(0.005)
        return self.received


def notification(key: str) -> Notification:
    """Build a notification of an object."""
    return Notification("drop", key, 1, "e", "null", "ObjectCreated:Put", "r")


def telling(receiver: Receiver | None, *keys: str) -> Notifications:
    """Have a receiver told of some objects."""
    notifications = Notifications(receiver, tries=4, first_pause=0.001)
    notifications.start()
    for key in keys:
        notifications.add(notification(key))
    return notifications


def test_notices_are_told_in_order_and_wait_for_a_slow_listener() -> None:
    """Adding one takes no time."""
    receiver = Receiver()
    notifications = telling(receiver, "a", "b", "c")
    assert receiver.received == []
    receiver.open_door.set()
    assert receiver.wait_for_keys(3) == ["a", "b", "c"]
    notifications.stop()


def test_a_refused_notice_is_told_again_before_the_next() -> None:
    """The order stays."""
    receiver = Receiver(refusals=3)
    receiver.open_door.set()
    notifications = telling(receiver, "a", "b")
    assert receiver.wait_for_keys(2) == ["a", "b"]
    notifications.stop()


def test_a_notice_that_nobody_takes_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """With a word in the log; the next one has its turn."""
    receiver = Receiver(refusals=4)
    receiver.open_door.set()
    with caplog.at_level(logging.WARNING):
        notifications = telling(receiver, "a", "b")
        assert receiver.wait_for_keys(1) == ["b"]
    notifications.stop()
    assert "the notification of a was dropped" in caplog.text


def test_without_a_listener_nothing_is_kept() -> None:
    """And nothing has to be stopped."""
    notifications = telling(None, "a")
    assert not notifications.wanted
    notifications.stop()


def test_stopping_does_not_wait_for_another_try() -> None:
    """What was not told is lost, as the platform may lose it."""
    receiver = Receiver(refusals=100)
    receiver.open_door.set()
    notifications = Notifications(receiver, tries=9, first_pause=60)
    notifications.start()
    notifications.add(notification("a"))
    started = time.monotonic()
    notifications.stop()
    assert time.monotonic() - started < 2
