"""Waiting and doing things later, both cut short when the emulator stops."""

from __future__ import annotations

from threading import Event, Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timers:
    """The waits of slow requests and the timers of late commits."""

    def __init__(self) -> None:
        self._stopped = Event()
        self._lock = Lock()
        self._timers: set[Timer] = set()

    def wait(self, seconds: float) -> None:
        """Wait, in the calling thread, until the time is over or the emulator stops."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """ObsCall something after some seconds, in a thread of its own."""

        def run() -> None:
            with self._lock:
                self._timers.discard(timer)
            call()

        timer = Timer(seconds, run)
        with self._lock:
            if self._stopped.is_set():
                return
            self._timers.add(timer)
            timer.start()

    def forget(self) -> None:
        """Drop what was to be done later."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
            timer.join()

    def stop(self) -> None:
        """End all waits and drop what was to be done later."""
        self._stopped.set()
        self.forget()
