"""Tables for people."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from handler.cli.console import jobs_table, table

IDS = ("7qonqynio3xpxbhl", "camera-au3gkq7n-and-longer", "f3f8b0c0-d7ec-4d71-bd36-e44a1f8ad970")


def drawn(renderable: object, width: int) -> str:
    """Return the text of a table in a terminal of some width."""
    console = Console(file=io.StringIO(), width=width, no_color=True)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_identifier_is_ever_cut(width: int) -> None:
    """The rest continues in the next line, so that all its characters are printed."""
    columns = ("delivery", "job", "job id", "state", "note")
    shown = drawn(table(columns, [(*IDS, "created", "a note of several words " * 6)]), width)
    there = [re.sub(r"\s", "", "".join(lines)) for lines in zip(*_columns(shown), strict=True)]
    for one in IDS:
        assert any(one in text for text in there), one


def test_prose_is_wrapped_before_an_identifier_is() -> None:
    """As long as the identifiers fit into the width, each is in one line."""
    shown = drawn(table(("job id", "note"), [(IDS[2], "a note of several words " * 6)]), 60)
    assert IDS[2] in shown


def test_a_table_of_jobs_keeps_its_ids_at_eighty_columns() -> None:
    """The id that a person copies is complete."""
    job = {"document": 1, "job_name": IDS[1], "state": "created", "job_id": IDS[2]}
    assert IDS[2] in drawn(jobs_table([job]), 80)


def _columns(shown: str) -> list[list[str]]:
    """Return the lines of a table, each cut into the columns that its header begins."""
    lines = shown.split("\n")
    width = max(map(len, lines))
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[at] == " " for line in padded) for at in range(width)]
    starts = [at for at in range(width) if not blank[at] and (at == 0 or blank[at - 1])]
    return [
        [line[start:end] for start, end in zip(starts, [*starts[1:], width], strict=True)]
        for line in padded
    ]
