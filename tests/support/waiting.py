"""Waits for a condition instead of for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PAUSE = 0.02


def wait_for(
    produce: Callable[[], T], accept: Callable[[T], object] = bool, *, seconds: float = 30.0
) -> T:
    """Return the first value that is accepted; fail the test if none is in time.

    Args:
        produce: Makes a value, again and again.
        accept: Says whether it is the one that is waited for.
        seconds: How long at most; a loaded machine needs a multiple of what an idle one does.
    """
    end = time.monotonic() + seconds
    while True:
        value = produce()
        if accept(value):
            return value
        assert time.monotonic() < end, f"waited {seconds:g} s in vain; the last was {value!r}"
        time.sleep(_PAUSE)
