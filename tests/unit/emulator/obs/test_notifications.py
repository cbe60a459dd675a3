"""The receivers of notifications about new objects, and when they get them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from threading import Event

from handler.emulator.obs.notifications import Notification, Notifications


@dataclass
class Receiver:
    """A receiver that refuses a few notifications at first."""

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


def notifying(receiver: Receiver | None, *keys: str) -> Notifications:
    """Notify a receiver of some objects."""
    notifications = Notifications(receiver, tries=4, first_pause=0.001)
    notifications.start()
    for key in keys:
        notifications.add(notification(key))
    return notifications


def test_notifications_are_sent_in_order_and_wait_for_a_slow_receiver() -> None:
    """Adding one takes no time."""
    receiver = Receiver()
    notifications = notifying(receiver, "a", "b", "c")
    assert receiver.received == []
    receiver.open_door.set()
    assert receiver.wait_for_keys(3) == ["a", "b", "c"]
    notifications.stop()


def test_a_refused_notification_is_sent_again_before_the_next() -> None:
    """The order stays."""
    receiver = Receiver(refusals=3)
    receiver.open_door.set()
    notifications = notifying(receiver, "a", "b")
    assert receiver.wait_for_keys(2) == ["a", "b"]
    notifications.stop()


def test_a_notification_that_is_always_refused_is_dropped(logged: list[str]) -> None:
    """With a word in the log; the next one has its turn."""
    receiver = Receiver(refusals=4)
    receiver.open_door.set()
    notifications = notifying(receiver, "a", "b")
    assert receiver.wait_for_keys(1) == ["b"]
    notifications.stop()
    assert "the notification of a was dropped" in "\n".join(logged)


def test_without_a_receiver_nothing_is_stored() -> None:
    """And nothing has to be stopped."""
    notifications = notifying(None, "a")
    assert not notifications.wanted
    notifications.stop()


def test_stopping_does_not_wait_for_another_try() -> None:
    """Pending notifications are lost, as the platform may lose them."""
    before, tried = {*threading.enumerate()}, Event()

    def refuse(_notification: Notification) -> None:
        tried.set()
        raise ConnectionError("not yet")

    notifications = Notifications(refuse, tries=9, first_pause=60)
    notifications.start()
    notifications.add(notification("a"))
    assert tried.wait(10)
    notifications.stop()
    assert {one for one in threading.enumerate() if one.name == "notifications"} <= before
