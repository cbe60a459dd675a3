"""The page about security names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "infra" / "SECURITY.md"


def test_every_test_it_names_is_there() -> None:
    """Each line of the table has one."""
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    named = re.findall(r"`(test_\w+)`", PAGE.read_text())
    assert set(named) <= defined
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert all("`test_" in row for row in rows if not row.startswith(("| who |", "|---")))
