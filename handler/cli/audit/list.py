"""`nightdrop audit list`: the latest records, and, on demand, every new one."""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from handler.cli.audit.records.delivery_timeline import seen_as
from handler.cli.audit.records.record_filter import Selection, selecting
from handler.cli.audit.records.record_reader import Stored, stored
from handler.cli.audit.records.sqlite_view import cells, row_of
from handler.cli.console import STYLES, printable, screen, table
from handler.cli.shared_options import audit_option, exit_on_log_error, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from handler.audit.record import Record

_COLUMNS = ("seq", "at", "action", "outcome", "delivery", "job_name", "note")
_WIDTHS = (7, 19, 21, 8, 16, 26)
_PAUSE_SECONDS = 0.5


@click.command("list", short_help="The latest records.")
@audit_option
@selecting
@json_option
@click.option(
    "--last",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="How many records, the newest last.",
)
@click.option("--follow", is_flag=True, help="Go on with every new record, until Ctrl-C.")
def list_(address: str, selection: Selection, last: int, *, as_json: bool, follow: bool) -> None:
    """Print the latest records, one line each.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db --last 20
      nightdrop audit list --audit sqlite:///nightdrop.db --outcome failure --since 3d
      nightdrop audit list --audit sqlite:///nightdrop.db --action job. --follow
    """
    console = screen()
    with exit_on_log_error(), stored(address) as log, suppress(KeyboardInterrupt):
        end, found = latest(log, selection, last)
        if follow:
            for record in chain(found, new(log, selection, end)):
                _print_line(record, console, as_json=as_json)
        elif as_json:
            for record in found:
                _print_line(record, console, as_json=True)
        elif found:
            console.print(_drawn(found))
        else:
            click.echo("No record matches." if end else "The log is empty.")


def latest(log: Stored, selection: Selection, last: int) -> tuple[int, list[Record]]:
    """Return the number of the last record, and the latest records that are meant."""
    end = log.last()
    after = 0 if selection else max(0, end - last)
    known = (record for record in log.records(after) if record.seq <= end)
    return end, list(deque(filter(selection, known), maxlen=last))


def new(log: Stored, selection: Selection, end: int) -> Iterator[Record]:
    """Yield the records after a number that are meant, for ever, as they come."""
    while True:
        for record in log.records(end):
            end = record.seq
            if selection(record):
                yield record
        time.sleep(_PAUSE_SECONDS)


def _drawn(found: list[Record]) -> Any:  # noqa: ANN401 - what rich prints
    rows = [_shortened(record) for record in found]
    drawn = table(_COLUMNS, [cells(row, _COLUMNS) for row in rows])
    for line, row in zip(drawn.rows, rows, strict=True):
        line.style = _style(row)
    return drawn


def _print_line(record: Record, console: Console, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row_of(record)))
        return
    row = _shortened(record)
    *short, note = (printable(cell) for cell in cells(row, _COLUMNS))
    padded = (cell.ljust(width) for cell, width in zip(short, _WIDTHS, strict=True))
    line = Text("  ".join((*padded, note)))
    console.print(line, style=_style(row), highlight=False, soft_wrap=True)


def _style(row: dict[str, Any]) -> str:
    return STYLES[seen_as(str(row["action"]), str(row["outcome"]))]


def _shortened(record: Record) -> dict[str, Any]:
    """Return a record's row with the first line of its note; `audit show` has all of it."""
    row = row_of(record)
    first, *more = str(row["note"] or "").splitlines() or [""]
    note = f"{first} (and {len(more)} more)" if more else first
    by = f"by {row['actor']}" if row["actor_kind"] == "operator" else ""
    return {**row, "note": ", ".join(filter(None, (note, by)))}
