"""Prints rows in the four formats of `-o`; every command that lists something uses it.

How a command uses it:

    _NODES = Listing(("name", "state", "id", "note"), name="id", empty="No node matches.")

    @click.command("list")
    @format_option
    def list_(output: str) -> None:
        print_rows(rows, _NODES, output)

A row is a mapping with JSON values. The table shows the keys that `columns` names; json and yaml
show all of them. Where the text of a row is cropped, its key `command`, if it has one, is a line of
its own in a table: a person copies it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import click
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from handler.cli.console import GAP, fitting, printable, screen
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

Row: TypeAlias = Mapping[str, object]

FORMATS = ("table", "json", "yaml", "name")

_LEAST_TEXT = 12  # cells of the last column, which is cropped


class Listing(NamedTuple):
    """What one kind of list looks like.

    Attributes:
        columns: Keys of a row that the table shows; the last one is text, and cropped to fit.
        name: The key of a row that `-o name` prints.
        empty: The sentence for an empty list.
        optional: Columns that are left out, the rightmost first, if the terminal is too narrow,
            and always if no row has anything in them.
        widths: The least widths of columns, for rows that are printed one by one.
    """

    columns: Sequence[str]
    name: str
    empty: str
    optional: Sequence[str] = ()
    widths: Mapping[str, int] = {}


def _unchanged(row: Row) -> Row:
    return row


def _unstyled(_row: Row) -> str:
    return ""


def print_rows(
    rows: Iterable[Row],
    listing: Listing,
    output: str,
    *,
    shown: Callable[[Row], Row] = _unchanged,
    style: Callable[[Row], str] = _unstyled,
) -> None:
    """Print rows as a table, as JSON Lines, as one YAML list, or as one name per line.

    A table is cropped to the width of the terminal; without a terminal it is complete. An empty
    list prints nothing but a sentence on standard error.

    Args:
        rows: What is printed; json, yaml and name print each row at once.
        listing: The columns.
        output: One of `FORMATS`.
        shown: Returns what a table shows of a row, such as a time to the second.
        style: Returns the style of a row in a table.
    """
    if output == "table":
        printed = list(rows)
        if printed:
            print_table(printed, listing, shown=shown, style=style)
    else:
        printed = [print_row(row, output, listing.name) for row in rows]
    if not printed:
        click.echo(listing.empty, err=True)


def print_row(row: Row, output: str, name: str = "") -> Row:
    """Print one row as json, yaml or name, and return it; `name` is the key of its name."""
    if output == "name":
        click.echo(printable(row[name]))
    else:
        print_value(row if output == "json" else [dict(row)], output)
    return row


def print_value(value: object, output: str) -> None:
    """Print one value as json, in one line, or as yaml."""
    if output == "json":
        click.echo(json.dumps(value))
        return
    import yaml

    click.echo(yaml.safe_dump(value, sort_keys=False), nl=False)


def print_table(
    rows: Sequence[Row],
    listing: Listing,
    *,
    header: bool = True,
    shown: Callable[[Row], Row] = _unchanged,
    style: Callable[[Row], str] = _unstyled,
) -> None:
    """Print rows as a table; without a header, to continue one that is printed already."""
    console = screen()
    heading, *lines = table_lines(list(map(shown, rows)), listing, console)
    if header:
        _print_line(console, heading, "bold")
    for line, row in zip(lines, rows, strict=True):
        _print_line(console, line, style(row))


def table_lines(rows: Sequence[Row], listing: Listing, console: Console) -> list[str]:
    """Return the lines of a table, the first of them its heading, as wide as fits on a console.

    The line of a row whose command is cropped is followed by that: both are one text.
    """
    cells = [{name: printable(row[name]) for name in listing.columns} for row in rows]
    heading = {name: name for name in listing.columns}
    widths = {
        name: max(listing.widths.get(name, 0), *(cell_len(row[name]) for row in (heading, *cells)))
        for name in listing.columns
        if name not in listing.optional or listing.widths or any(row[name] for row in cells)
    }
    most, text = console.width, listing.columns[-1]
    least = {**widths, text: min(_LEAST_TEXT, widths[text])}
    optional = [name for name in listing.optional if name in widths]
    columns = fitting(least, optional, most)
    lines = [
        _line({name: row[name] for name in columns}, widths, most) for row in (heading, *cells)
    ]
    commands = ["", *(printable(row.get("command")) for row in rows)]
    return [
        line if command in line else f"{line}\n{command}"
        for line, command in zip(lines, commands, strict=True)
    ]


def _line(cells: Mapping[str, str], widths: Mapping[str, int], most: int) -> str:
    padded = (set_cell_size(text, widths[name]) for name, text in cells.items())
    line = (" " * GAP).join(padded).rstrip()
    return line if cell_len(line) <= most else set_cell_size(line, most - 1) + "…"


def _print_line(console: Console, line: str, style: str) -> None:
    if console.is_terminal:
        console.print(Text(line, style, end=""), highlight=False)
    else:
        click.echo(line)
