"""Documents: lines of parts, paths as text, problems that are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import Problem
from handler.parsing import Document, first_problems, format_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_part_that_is_missing_has_the_line_of_what_is_around_it() -> None:
    """A missing field gets the line of its parent."""
    document = Document(1, {"a": {"b": 1}}, {(): 1, ("a",): 2, ("a", "b"): 3})
    assert document.line_of(("a", "b")) == 3
    assert document.line_of(("a", "c", 4)) == 2
    assert document.line_of(("z",)) == 1


def test_a_document_without_lines_knows_none() -> None:
    """A spec handed over as an event has no lines."""
    assert Document(1, {}).line_of(("a",)) is None


def test_a_path_reads_as_people_write_it() -> None:
    """Indexes are in brackets, names after dots."""
    assert format_path(("job_content", "targets", 2, "target_id")) == (
        "job_content.targets[2].target_id"
    )


def test_a_key_that_may_be_a_value_is_not_shown() -> None:
    """Only short plain names appear in a path."""
    assert format_path(("tags", "pass word", "x" * 41, "")) == "tags.?.?.?"


def test_problems_beyond_the_limit_are_not_searched_for() -> None:
    """A hostile file gets a list of limited length, and costs no more than that."""
    looked_for = []

    def problems() -> Iterator[Problem]:
        for number in range(1000):
            looked_for.append(number)
            yield Problem(str(number))

    shown = first_problems(problems())
    assert len(shown) == len(looked_for) == 101
    assert shown[-1].message == "and more; only the first 100 are shown"


def test_the_problems_that_fit_are_all_shown() -> None:
    """A hundred are no more than a hundred."""
    problems = [Problem(str(number)) for number in range(100)]
    assert first_problems(problems) == tuple(problems)
