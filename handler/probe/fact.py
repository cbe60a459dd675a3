"""A fact: what Nightdrop assumes about the cloud, and what was seen of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from handler.settings import LONGEST_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

FactVerdict: TypeAlias = Literal["not seen", "as assumed", "differs"]

WINDOW = "signature window"
LAG = "list lag"
LISTED_DESCRIPTION = "descriptions in list"
SHOWN_DESCRIPTION = "descriptions in show"
"""The names of the facts that change what the function does."""


@dataclass(frozen=True)
class Fact:
    """One assumption, compared with what was seen.

    Attributes:
        name: The name of the assumption.
        assumed: What Nightdrop assumes, in words.
        seen: What was seen, or why nothing was; without secrets.
        verdict: Whether that is the same; `not seen` if the probe could not tell.
        change: What to do if it differs; "" if nothing.
        value: Seconds, for `signature window` and `list lag`; None where there is no limit.
    """

    name: str
    assumed: str
    seen: str
    verdict: FactVerdict
    change: str = ""
    value: float | None = None


_LEAST_MARGIN = 300


def settle_after_for(window: float = 0, lag: float = 0) -> int:
    """Return the least NIGHTDROP_SETTLE_AFTER, in seconds, for what was seen.

    Args:
        window: For how many seconds after its date a signature is accepted.
        lag: After how many seconds a new job is listed; it may be twice as long.
    """
    return math.ceil(max(window, LONGEST_FLIGHT) + max(2 * lag, _LEAST_MARGIN))


def unseen(name: str, assumed: str, why: str) -> Fact:
    """Return a fact that the probe could not tell."""
    return Fact(name, assumed, why, "not seen")


def compared(  # noqa: PLR0913 - the fields of a fact
    name: str, assumed: str, seen: str, *, same: bool, change: str = "", value: float | None = None
) -> Fact:
    """Return a fact that was seen; `change` counts only if it is not the same as assumed."""
    verdict: FactVerdict = "as assumed" if same else "differs"
    return Fact(name, assumed, seen, verdict, "" if same else change, value)


def merged(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return each fact once: what was seen counts before what was not, a difference most of all."""
    ranks = get_args(FactVerdict)
    best: dict[str, Fact] = {}
    for fact in facts:
        before = best.get(fact.name)
        if not before or ranks.index(fact.verdict) > ranks.index(before.verdict):
            best[fact.name] = fact
    return tuple(best.values())
