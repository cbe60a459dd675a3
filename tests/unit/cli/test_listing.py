"""Rows printed in the four formats of `-o`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from handler.cli.listing import FORMATS, Listing, print_rows
from tests.support.terminal import on_terminal, plain_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

NODES = Listing(
    columns=("name", "state", "site", "note"),
    name="name",
    empty="No node matches.",
    optional=("state", "site"),
)
ROWS: list[dict[str, object]] = [
    {"name": "gateway-7", "state": "RUNNING", "site": "north", "note": "a long note " * 9, "id": 7},
    {"name": "gateway-12", "state": "FAIL", "site": "south", "note": None, "id": 12},
]


def test_a_pipe_gets_complete_lines_with_fixed_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is cropped, and no line ends in blanks."""
    print_rows(ROWS, NODES, "table")
    assert capsys.readouterr().out.splitlines() == [
        "name        state    site   note",
        f"gateway-7   RUNNING  north  {'a long note ' * 9}".rstrip(),
        "gateway-12  FAIL     south",
    ]


def test_json_is_one_object_per_line_with_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Also with those that the table does not show."""
    print_rows(ROWS, NODES, "json")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_yaml_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Although it is printed row by row."""
    print_rows(ROWS, NODES, "yaml")
    assert yaml.safe_load(capsys.readouterr().out) == ROWS


def test_names_can_be_passed_to_another_command(capsys: pytest.CaptureFixture[str]) -> None:
    """One per line and nothing else."""
    print_rows(ROWS, NODES, "name")
    assert capsys.readouterr().out == "gateway-7\ngateway-12\n"


@pytest.mark.parametrize("output", FORMATS)
def test_an_empty_list_is_a_sentence_on_standard_error(
    output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a bare header, and a script reads nothing."""
    print_rows([], NODES, output)
    assert capsys.readouterr() == ("", "No node matches.\n")


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A name from outside moves no cursor."""
    rows = [{**ROWS[1], "name": "\x1b[2Jgateway"}]
    for output in FORMATS:
        print_rows(rows, NODES, output)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_a_table_fits_the_terminal(columns: int) -> None:
    """The last column is cropped; optional columns are left out first when there is no room."""
    lines = plain_on_terminal(columns, listed())
    assert max(map(len, lines)) <= columns
    assert [line.split()[0] for line in lines] == ["name", "gateway-7", "gateway-12"]
    assert ("site" in lines[0]) == (columns > 30)
    assert lines[1].endswith("…")


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_a_command_to_copy_is_whole_in_a_line_of_its_own(columns: int) -> None:
    """Where its row is cropped; it is folded at blanks if the terminal is narrower than it is."""
    command = "nightdrop rollout approve nightly-djesdurr"
    row = {**ROWS[0], "note": f"`{command}` lets wave 2 start, and no other", "command": command}
    below = plain_on_terminal(columns, lambda: print_rows([row], NODES, "table"))[2:]
    assert " ".join(line.strip() for line in below) == ("" if columns == 100 else command)
    assert max(map(len, below), default=0) <= columns


def test_colours_are_off_with_no_color() -> None:
    """On a terminal, where a style would be printed otherwise."""
    assert any("\x1b[31m" in line for line in on_terminal(80, listed("red")))
    assert not any("\x1b[31m" in line for line in on_terminal(80, listed("red"), NO_COLOR="1"))


def listed(style: str = "") -> Callable[[], None]:
    """Return a function that prints the rows as a table."""
    return lambda: print_rows(ROWS, NODES, "table", style=lambda _row: style)
