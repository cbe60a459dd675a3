"""What only the function sees and no document settles: its remaining time, and its packages.

Its time-out and its keys are checked by the doctor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


REMAINING, PACKAGES = "remaining time", "packages"

_ASSUMED = {
    REMAINING: "milliseconds, at first nearly all of the time-out",
    PACKAGES: "the zip's are loaded",
}
_BETWEEN = 0.2  # seconds between two readings
_SECOND = 1000  # milliseconds


def unseen_inside() -> Iterator[Fact]:
    """Yield what a probe on another machine does not see."""
    for name, assumed in _ASSUMED.items():
        yield unseen(name, assumed, 'not seen here; invoke the function with {"action": "probe"}')


def remaining_fact(
    context: object,
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], None],
    ticks: Callable[[], float],
) -> Fact:
    """Return the unit of the remaining time: how far it falls between two looks at the clock.

    Args:
        context: The context of an invocation that has just begun.
        environ: Its environment.
        sleep: Waits for seconds.
        ticks: Monotonic seconds.
    """
    text = environ.get("RUNTIME_TIMEOUT", "")
    whole = int(text) if text.isascii() and text.isdigit() else 0
    change = "nothing: RUNTIME_TIMEOUT counts instead"
    call: Any = getattr(context, "getRemainingTimeInMilliSeconds", None)
    try:
        first, began = call(), ticks()
        sleep(_BETWEEN)
        second, elapsed = call(), ticks() - began
        fell = (first - second) / elapsed
        is_whole = whole / 2 < first / 1000 <= whole if whole else first >= _SECOND
    except Exception as error:  # noqa: BLE001 - the platform's own code, which may raise anything
        seen = f"it cannot be read ({type(error).__name__})"
        return compared(REMAINING, _ASSUMED[REMAINING], seen, same=False, change=change)
    units = {"milliseconds": 1000, "seconds": 1}
    unit = next((name for name, rate in units.items() if rate / 2 < fell < rate * 2), "")
    return compared(
        REMAINING,
        _ASSUMED[REMAINING],
        f"{first} at first, and it falls by {fell:.0f} a second: {unit or 'no known unit'}",
        same=unit == "milliseconds" and is_whole,
        change=change,
    )


def package_fact(code: str, conflicts: Sequence[str]) -> Fact:
    """Return whether packages came from elsewhere than the zip.

    Args:
        code: The digest of the zip; "" if no zip runs.
        conflicts: A sentence for each package that did.
    """
    if not code:
        return unseen(PACKAGES, _ASSUMED[PACKAGES], "no zip of `nightdrop package` runs here")
    return compared(
        PACKAGES,
        _ASSUMED[PACKAGES],
        "; ".join(conflicts) or _ASSUMED[PACKAGES],
        same=not conflicts,
        change="nothing while `nightdrop doctor` says that the versions work",
    )
