"""Waits and timers that end with the emulator."""

from __future__ import annotations

import time
from threading import Event, Thread

from handler.emulator.faults.timers import Timers


def test_a_wait_ends_when_the_emulator_stops() -> None:
    """Stopping does not take as long as the longest delay."""
    timers = Timers()
    started = time.monotonic()
    thread = Thread(target=timers.wait, args=(60,))
    thread.start()
    timers.stop()
    thread.join(5)
    assert time.monotonic() - started < 5


def test_something_is_done_later() -> None:
    """In a thread of its own."""
    timers, done = Timers(), Event()
    timers.schedule(0.01, done.set)
    assert done.wait(2)
    timers.stop()


def test_what_was_forgotten_is_not_done() -> None:
    """A reset leaves nothing of the time before it."""
    timers, done = Timers(), Event()
    timers.schedule(0.05, done.set)
    timers.cancel_all()
    assert not done.wait(0.1)


def test_nothing_is_begun_after_the_stop() -> None:
    """No thread outlives the emulator."""
    timers, done = Timers(), Event()
    timers.stop()
    timers.schedule(0, done.set)
    assert not done.wait(0.05)
