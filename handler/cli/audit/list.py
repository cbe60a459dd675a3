"""`nightdrop audit list`: the latest records, and new ones as they are appended."""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from handler.cli.audit.records.delivery_timeline import shown_outcome
from handler.cli.audit.records.log_reader import LogReader, open_reader
from handler.cli.audit.records.record_filter import RecordFilter, filter_options
from handler.cli.audit.records.record_row import row_cells, trail_row
from handler.cli.console import STYLES, printable, screen, table
from handler.cli.shared_options import audit_option, exit_on_log_error, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from handler.audit.record import Record

_COLUMNS = ("seq", "at", "action", "outcome", "delivery", "job_name", "note")
_WIDTHS = (7, 19, 21, 8, 16, 26)
_PAUSE_SECONDS = 0.5


@click.command("list", short_help="The latest records.")
@audit_option
@filter_options
@json_option
@click.option(
    "--last",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="How many records, the newest last.",
)
@click.option("--follow", is_flag=True, help="Also print new records, until Ctrl-C.")
def list_(address: str, selection: RecordFilter, last: int, *, as_json: bool, follow: bool) -> None:
    """Print the latest records, one line each.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db --last 20
      nightdrop audit list --audit sqlite:///nightdrop.db --outcome failure --since 3d
      nightdrop audit list --audit sqlite:///nightdrop.db --action job. --follow
    """
    console = screen()
    with exit_on_log_error(), open_reader(address) as log, suppress(KeyboardInterrupt):
        end = log.last()
        records = find_latest(log, selection, last, end)
        if follow or as_json:
            for record in chain(records, follow_log(log, selection, end) if follow else ()):
                _print_line(record, console, as_json=as_json)
        elif records:
            console.print(_records_table(records))
        else:
            click.echo("No record matches." if end else "The log is empty.")


def find_latest(log: LogReader, selection: RecordFilter, last: int, end: int) -> list[Record]:
    """Return the latest records up to the number `end` that match, at most `last`."""
    after = 0 if selection else max(0, end - last)
    records = (record for record in log.records(after) if record.seq <= end)
    return list(deque(filter(selection, records), maxlen=last))


def follow_log(log: LogReader, selection: RecordFilter, end: int) -> Iterator[Record]:
    """Yield the records after the number `end` that match, as they are appended; never ends."""
    while True:
        for record in log.records(end):
            end = record.seq
            if selection(record):
                yield record
        time.sleep(_PAUSE_SECONDS)


def _records_table(records: list[Record]) -> Table:
    rows = [_short_row(record) for record in records]
    lines = table(_COLUMNS, [row_cells(row, _COLUMNS) for row in rows])
    for line, row in zip(lines.rows, rows, strict=True):
        line.style = _style(row)
    return lines


def _print_line(record: Record, console: Console, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(trail_row(record)))
        return
    row = _short_row(record)
    *short, note = (printable(cell) for cell in row_cells(row, _COLUMNS))
    padded = (cell.ljust(width) for cell, width in zip(short, _WIDTHS, strict=True))
    line = Text("  ".join((*padded, note)))
    console.print(line, style=_style(row), highlight=False, soft_wrap=True)


def _style(row: dict[str, Any]) -> str:
    return STYLES[shown_outcome(str(row["action"]), str(row["outcome"]))]


def _short_row(record: Record) -> dict[str, Any]:
    """Return a record's row with only the first line of its note."""
    row = trail_row(record)
    first, *more = str(row["note"] or "").splitlines() or [""]
    note = f"{first} (and {len(more)} more)" if more else first
    by = f"by {row['actor']}" if row["actor_kind"] == "operator" else ""
    return {**row, "note": ", ".join(filter(None, (note, by)))}
