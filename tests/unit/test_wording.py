"""The code speaks plain technical English: turns that it once had are not used again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TURNS = (
    "vouch", "mended", "told of", "stands in the log", "bereft", "witness", "swept", "brake",
    "came of it", "what it came to", "at hand", "for good", "likewise", "laid out anew",
    "lets? go of", "made up for", "bears? no", "in the same breath", "of old", "the tick",
)  # fmt: skip
"""From the table of words that was agreed on; each is a regular expression."""


@pytest.mark.parametrize("turn", TURNS)
def test_no_source_has_the_turn(turn: str) -> None:
    """Neither in a message, nor in a docstring, nor in a name."""
    pattern = re.compile(rf"\b{turn}\b", re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / "handler").rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found
