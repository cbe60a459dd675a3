"""Who is told of new objects, and when."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from handler.emulator.obs.notifications import Notice, Notices

if TYPE_CHECKING:
    import pytest


@dataclass
class Listener:
    """Somebody who is told, and refuses a few times at first."""

    refusals: int = 0
    told: list[str] = field(default_factory=list)
    open_door: Event = field(default_factory=Event)

    def __call__(self, **notice: object) -> None:
        """Take a notice."""
        self.open_door.wait(2)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("not yet")
        self.told.append(str(notice["key"]))

    def hears(self, count: int) -> list[str]:
        """Wait up to two seconds for some notices and return them."""
        end = time.monotonic() + 2
        while len(self.told) < count and time.monotonic() < end:
            time.sleep(0.005)
        return self.told


def notice(key: str) -> Notice:
    """Build a notice of an object."""
    return Notice("drop", key, 1, "e", "null", "ObjectCreated:Put", "r")


def telling(listener: Listener | None, *keys: str) -> Notices:
    """Have a listener told of some objects."""
    notices = Notices(listener, tries=4, first_pause=0.001)
    notices.start()
    for key in keys:
        notices.add(notice(key))
    return notices


def test_notices_are_told_in_order_and_wait_for_a_slow_listener() -> None:
    """Adding one takes no time."""
    listener = Listener()
    notices = telling(listener, "a", "b", "c")
    assert listener.told == []
    listener.open_door.set()
    assert listener.hears(3) == ["a", "b", "c"]
    notices.stop()


def test_a_refused_notice_is_told_again_before_the_next() -> None:
    """The order stays."""
    listener = Listener(refusals=3)
    listener.open_door.set()
    notices = telling(listener, "a", "b")
    assert listener.hears(2) == ["a", "b"]
    notices.stop()


def test_a_notice_that_nobody_takes_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """With a word in the log; the next one has its turn."""
    listener = Listener(refusals=4)
    listener.open_door.set()
    with caplog.at_level(logging.WARNING):
        notices = telling(listener, "a", "b")
        assert listener.hears(1) == ["b"]
    notices.stop()
    assert "nobody took the notice of a" in caplog.text


def test_without_a_listener_nothing_is_kept() -> None:
    """And nothing has to be stopped."""
    notices = telling(None, "a")
    assert not notices.wanted
    notices.stop()


def test_stopping_does_not_wait_for_another_try() -> None:
    """What was not told is lost, as the platform may lose it."""
    listener = Listener(refusals=100)
    listener.open_door.set()
    notices = Notices(listener, tries=9, first_pause=60)
    notices.start()
    notices.add(notice("a"))
    begun = time.monotonic()
    notices.stop()
    assert time.monotonic() - begun < 2
