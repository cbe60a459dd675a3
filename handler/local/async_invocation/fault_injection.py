"""Trouble on the way, for testing: FunctionGraph promises neither one delivery nor their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_TWICE = 0.25
_LATE = 0.35
_LATEST = 30.0  # seconds; long enough for others to overtake


def delays(chaos: Random | None) -> tuple[float, ...]:
    """Return after how many seconds each delivery of one event comes, one delay per delivery.

    Without chaos that is one delivery, at once. With it, some events are delivered twice and some
    deliveries come late, so that later events overtake them; none is lost.

    Args:
        chaos: Decides; seeded, it decides the same each time.
    """
    if chaos is None:
        return (0.0,)
    copies = 2 if chaos.random() < _TWICE else 1
    return tuple(
        chaos.uniform(0, _LATEST) if chaos.random() < _LATE else 0.0 for _ in range(copies)
    )
