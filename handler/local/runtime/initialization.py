"""The initializer, once per process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Initialisation:
    """Runs an initializer before the first invocation, once, whatever the number of threads.

    Threads that arrive meanwhile wait. When it raises, so does the call, and the next call tries
    again: on the platform the next instance would.
    """

    def __init__(self, initializer: Callable[[object], None]) -> None:
        self._initializer = initializer
        self._lock = threading.Lock()
        self._done = False

    def ensure(self, context: object) -> None:
        """Return once the initializer has succeeded; raises what the initializer raises."""
        with self._lock:
            if not self._done:
                self._initializer(context)
                self._done = True
