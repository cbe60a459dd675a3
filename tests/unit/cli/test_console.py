"""Tables for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from handler.cli.console import jobs_table, screen, table
from tests.support.terminal import plain_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

IDS = ("7qonqynio3xpxbhl", "camera-au3gkq7n-and-longer", "f3f8b0c0-d7ec-4d71-bd36-e44a1f8ad970")


def drawn(make: Callable[[], Table], width: int) -> list[str]:
    """Return the lines of a table on a terminal of some width."""
    return plain_on_terminal(width, lambda: screen().print(make()))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_identifier_is_ever_cut(width: int) -> None:
    """The rest continues in the next line, so that all its characters are printed."""
    columns = ("delivery", "job", "job id", "state")
    shown = drawn(lambda: table(columns, [(*IDS, "created")]), width)
    there = [re.sub(r"\s", "", "".join(lines)) for lines in zip(*_columns(shown), strict=True)]
    for one in (*IDS, "created"):
        assert any(one in text for text in there), one


def test_text_is_wrapped_before_anything_else_is() -> None:
    """As long as the other columns fit into the width, each of their cells is in one line."""
    rows = [("node_upgrade", IDS[2], "a note of several words " * 6)]
    shown = drawn(lambda: table(("type", "job id", "note"), rows), 80)
    assert shown[0].split() == ["type", "job", "id", "note"]
    assert shown[1].startswith(f"node_upgrade  {IDS[2]}  a note")


def test_columns_that_may_be_left_out_are_if_there_is_no_room() -> None:
    """The rightmost first, and none where there is room."""
    columns, rows = ("job", "type", "attempts", "job id"), [(IDS[1], "node_upgrade", 1, IDS[2])]
    headings = [
        drawn(lambda: table(columns, rows, ("type", "attempts")), width)[0].split()
        for width in (90, 80, 70)
    ]
    assert headings == [
        ["job", "type", "attempts", "job", "id"],
        ["job", "type", "job", "id"],
        ["job", "job", "id"],
    ]


def test_a_table_of_jobs_keeps_its_ids_at_eighty_columns() -> None:
    """The id that a person copies is complete and in one line, beside the longest name."""
    job = {"document": 1, "job_name": IDS[1], "state": "created", "job_id": IDS[2]}
    line = f"{IDS[1]}  created  {IDS[2]}"
    assert line in drawn(lambda: jobs_table([job]), 80)


def test_a_pipe_gets_whole_lines_without_blanks_at_their_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """However long they are: programs search lines, and editors show blanks."""
    note = "a note of several words " * 20
    screen().print(table(("job", "note", "job id"), [(IDS[1], note, ""), (IDS[1], "", IDS[2])]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert [line.rstrip() for line in lines] == lines
    assert note.rstrip() in lines[1]


def _columns(lines: list[str]) -> list[list[str]]:
    """Return the lines of a table, each cut into the columns that its header begins."""
    width = max(map(len, lines))
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[at] == " " for line in padded) for at in range(width)]
    starts = [at for at in range(width) if not blank[at] and (at == 0 or blank[at - 1])]
    return [
        [line[start:end] for start, end in zip(starts, [*starts[1:], width], strict=True)]
        for line in padded
    ]
