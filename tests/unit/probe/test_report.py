"""The report for people."""

from __future__ import annotations

from handler.probe.fact import compared, unseen
from handler.probe.report import to_markdown


def test_the_page_has_a_row_for_each_fact_and_what_to_change() -> None:
    """Foreign text cannot leave its cell."""
    facts = [
        compared("list order", "newest first", "a | b\n# x", same=False, change="nothing"),
        unseen("list lag", "none", "no job"),
    ]
    page = to_markdown(facts, "2026-11-26T03:04:05Z", "ief.example.com")
    assert r"| differs | list order | newest first | a \| b\n# x |" in page
    assert "- list order: nothing" in page
    assert page.startswith("# First contact\n\nWhat was seen of ief.example.com at 2026-11-26")


def test_without_a_difference_nothing_is_to_be_changed() -> None:
    """The page says so."""
    assert "Nothing." in to_markdown([unseen("a", "b", "c")], "", "")
