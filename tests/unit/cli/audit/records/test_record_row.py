"""Times and time spans have a short text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.cli.audit.records.record_row import (
    first_line,
    format_minute,
    format_span,
    format_time,
)
from handler.errors import Problem
from handler.parsing import first_problems


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (3.21, "3.2 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (75, "1 min 15 s"),
        (7320, "2 h 2 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_span_has_a_short_text(seconds: float, text: str) -> None:
    """Two units at most."""
    assert format_span(seconds) == text


@given(st.floats(0, 1e9))
def test_any_span_has_a_short_text(seconds: float) -> None:
    """Short enough for a column."""
    assert 3 <= len(format_span(seconds)) < 20


def test_a_time_is_cut_to_the_second_or_the_minute() -> None:
    """Without the T and the zone, which is always UTC."""
    assert format_time("2026-11-25T12:01:02.123456Z") == "2026-11-25 12:01:02"
    assert format_minute("2026-11-25T12:01:02.123456Z") == "2026-11-25 12:01"


def test_the_first_line_of_a_note_says_how_many_more_there_are() -> None:
    """Those that the note itself leaves out are not counted as one."""
    problems = [Problem(f"node {number} is unknown") for number in range(2000)]
    note = "\n".join(map(str, first_problems(problems)))
    assert first_line(note) == "node 0 is unknown (and at least 100 more)"
    assert first_line("a\nb\nc") == "a (and 2 more)"
    assert first_line("") == ""
