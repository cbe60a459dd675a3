"""Delays and scheduled calls, both cancelled when the emulator stops."""

from __future__ import annotations

from threading import Event, Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timers:
    """Delays of slow requests, and timers for late commits."""

    def __init__(self) -> None:
        self._stopped = Event()
        self._lock = Lock()
        self._timers: set[Timer] = set()

    def wait(self, seconds: float) -> None:
        """Block the calling thread for some seconds or until the emulator stops."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def schedule(self, seconds: float, call: Callable[[], object]) -> None:
        """Call a function after some seconds, in a thread of its own."""

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

    def cancel_all(self) -> None:
        """Cancel all scheduled calls."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
            timer.join()

    def stop(self) -> None:
        """End all delays and cancel all scheduled calls."""
        self._stopped.set()
        self.cancel_all()
