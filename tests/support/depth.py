"""How many examples and seeds the suite tries; `DEEP=1` in the environment tries all of them."""

from __future__ import annotations

import os

DEEP = os.environ.get("DEEP") == "1"


def examples(full: int) -> int:
    """Return how many of a full number of examples are tried now: all, or a quarter."""
    return full if DEEP else full // 4
