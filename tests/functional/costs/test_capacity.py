"""The capacity table of infra/OPERATIONS.md: what makes it works, and the page has its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.capacity import SIZES, measure
from tests.support.documents.capacity_table import (
    BEGIN,
    END,
    PAGE,
    ROWS,
    SMALL,
    STORES,
    table,
    write_page,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def small() -> str:
    """The table of two small fleets."""
    return table([measure(nodes, store, 2) for nodes in (SMALL, 120) for store in STORES])


def test_the_table_is_made_from_measured_nights(small: str) -> None:
    """Each row has a figure for each size."""
    head, _, *rows = small.splitlines()
    assert head == "|  | 120 nodes |"
    assert [row.split("|")[1].strip() for row in rows] == [*ROWS]
    assert all(any(sign.isdigit() for sign in row.split("|")[2]) for row in rows)


def test_the_page_has_the_table_of_all_sizes() -> None:
    """As the command writes it."""
    shown = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    assert shown[0] == "|  | " + " | ".join(f"{nodes:,} nodes" for nodes in SIZES) + " |"
    assert [row.split("|")[1].strip() for row in shown[2:]] == [*ROWS]


def test_the_table_replaces_the_one_on_the_page(small: str, tmp_path: Path) -> None:
    """What stands around it stays."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(small, page)
    assert page.read_text() == f"before\n{BEGIN}\n\n{small}\n\n{END}\nafter\n"
