"""How many examples and seeds the suite tries; `DEEP=1` in the environment tries all of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

DEEP = os.environ.get("DEEP") == "1"


def examples(full: int) -> int:
    """Return how many of a full number of examples are tried now: all, or a quarter."""
    return full if DEEP else full // 4


def sampled(cases: Iterable[T]) -> list[T]:
    """Return the cases that are tried now: all, or every third."""
    return [*cases][:: 1 if DEEP else 3]
