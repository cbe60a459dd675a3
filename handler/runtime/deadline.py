"""How much of an invocation is left, by a clock that cannot be set back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ASSUMED_SECONDS = 30.0
"""The time of an invocation where the platform does not say."""

LONGEST_SECONDS = 259_200
"""The longest time-out the platform can be set to."""


class Deadline(NamedTuple):
    """The end of an invocation.

    Attributes:
        at: Its end on the monotonic clock, in seconds.
        clock: The monotonic clock.
    """

    at: float
    clock: Callable[[], float]

    def left(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self.at - self.clock())

    def earlier(self, seconds: float) -> Deadline:
        """Return an end that leaves some seconds for what comes after it."""
        return Deadline(self.at - seconds, self.clock)


def deadline(
    context: object,
    environ: Mapping[str, str],
    began: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Deadline:
    """Return the invocation's end.

    `RUNTIME_TIMEOUT` (seconds) counts from `began`, by the monotonic clock; None is now. The
    context's remaining time is in the wrong unit on some engines and falls to nothing within
    milliseconds, so it is believed only if it says that between half and all of that time is left.
    """
    said = _remaining_milliseconds(context) / 1000
    whole = min(timeout_of(environ), LONGEST_SECONDS)
    now = clock()
    begin = now if began is None else began
    if whole:
        end = now + said if whole / 2 < said <= whole else begin + whole
    else:
        end = now + said if 1 <= said <= LONGEST_SECONDS else begin + ASSUMED_SECONDS
    return Deadline(end, clock)


def timeout_of(environ: Mapping[str, str]) -> int:
    """Return the seconds that the platform gives an invocation; 0 if it does not say."""
    text = environ.get("RUNTIME_TIMEOUT", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _remaining_milliseconds(context: object) -> float:
    call = getattr(context, "getRemainingTimeInMilliSeconds", None)
    try:
        value = call() if callable(call) else 0
        return float(value) if isinstance(value, int | float) else 0.0
    except Exception:  # noqa: BLE001 - the platform's stub fails on settings of its own
        return 0.0
