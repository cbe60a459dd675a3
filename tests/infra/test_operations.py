"""The operators' page names existing actions and files."""

from __future__ import annotations

import re
from pathlib import Path

from handler.audit.actions import ATTENTION

INFRA = Path(__file__).parents[2] / "infra"
PAGE = (INFRA / "OPERATIONS.md").read_text()


def test_every_line_that_needs_attention_has_its_search() -> None:
    """A new one needs its row."""
    assert {*ATTENTION, "job.finished", "sending.held"} <= set(
        re.findall(r'of : "([a-z._]+)"', PAGE)
    )


def test_every_action_that_is_searched_for_is_written() -> None:
    """A search for an action that no code writes finds nothing, unnoticed."""
    sources = "".join(path.read_text() for path in (INFRA.parent / "handler").rglob("*.py"))
    for action in re.findall(r'action : "([a-z._]+)"', PAGE):
        assert f'"{action}"' in sources
