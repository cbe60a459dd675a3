"""`nightdrop audit list`: the latest records, and new ones as they are appended."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from handler.cli.audit.records.delivery_timeline import shown_outcome
from handler.cli.audit.records.log_reader import LogReader, open_reader
from handler.cli.audit.records.record_filter import RecordFilter, filter_options
from handler.cli.audit.records.record_row import first_line, format_time, trail_row
from handler.cli.console import STYLES
from handler.cli.listing import Listing, Row, print_row, print_rows, print_table
from handler.cli.shared_options import audit_option, exit_on_log_error, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.record import Record

_RECORDS = Listing(
    columns=("seq", "at", "action", "outcome", "delivery", "rollout", "job_name", "note"),
    name="seq",
    empty="No record matches.",
    optional=("job_name", "at", "rollout", "delivery", "outcome"),
)
_FOLLOWED = _RECORDS._replace(
    widths={
        "seq": 7,
        "at": 19,
        "action": 21,
        "outcome": 8,
        "delivery": 16,
        "rollout": 16,
        "job_name": 26,
    }
)
_PAUSE_SECONDS = 0.5


@click.command("list")
@audit_option
@filter_options
@format_option
@click.option(
    "--last",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="How many records, the newest last.",
)
@click.option("--follow", is_flag=True, help="Also print new records, until Ctrl-C.")
def list_(address: str, selection: RecordFilter, last: int, output: str, *, follow: bool) -> None:
    """Print the latest records, one line each.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db --last 20
      nightdrop audit list --audit sqlite:///nightdrop.db --outcome failure --since 3d
      nightdrop audit list --audit sqlite:///nightdrop.db --action job. --follow
    """
    with exit_on_log_error(), open_reader(address) as log, suppress(KeyboardInterrupt):
        end = log.last()
        records = find_latest(log, selection, last, end)
        listing = _FOLLOWED if follow else _RECORDS
        if not end:
            listing = listing._replace(empty="The log is empty.")
        print_rows(map(trail_row, records), listing, output, shown=_short_row, style=_style)
        if follow:
            for record in follow_log(log, selection, end):
                _print_next(trail_row(record), output)


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


def _print_next(row: Row, output: str) -> None:
    if output == "table":
        print_table([row], _FOLLOWED, header=False, shown=_short_row, style=_style)
    else:
        print_row(row, output, _FOLLOWED.name)


def _style(row: Row) -> str:
    return STYLES[shown_outcome(str(row["action"]), str(row["outcome"]))]


def _short_row(row: Row) -> Row:
    """Return a row with its time to the second and only the first line of its note."""
    note = first_line(str(row["note"] or ""))
    by = f"by {row['actor']}" if row["actor_kind"] == "operator" else ""
    return {**row, "at": format_time(row["at"]), "note": ", ".join(filter(None, (note, by)))}
