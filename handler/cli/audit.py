"""`nightdrop audit`: read the audit log and verify its chain."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from handler.audit.record import Record
from handler.audit.verify import verify as verify_chain
from handler.canonical import shown
from handler.cli.screen import complain, screen, table
from handler.cli.trail import cells, open_trail, stories, timeline, trail

if TYPE_CHECKING:
    import sqlite_utils

_ALL_RECORDS = "SELECT seq, hash, record FROM records ORDER BY seq"
_COLUMNS = ("seq", "at", "action", "outcome", "delivery", "job_name", "note")

audit_option = click.option(
    "--audit",
    "address",
    envvar="NIGHTDROP_AUDIT",
    required=True,
    help="Where the log is, such as sqlite:///nightdrop.db.  [NIGHTDROP_AUDIT]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")


@click.group()
def audit() -> None:
    """Read the audit log and verify its chain."""


@audit.command("list")
@audit_option
@json_option
@click.option("--last", default=50, show_default=True, help="How many records, the newest last.")
def list_(address: str, last: int, *, as_json: bool) -> None:
    """Print the latest records, one line each.

    \b
      nightdrop audit list --audit sqlite:///nightdrop.db --last 20
    """
    rows = trail(_opened(address), last)
    if as_json:
        _print_json(rows)
        return
    screen().print(table(_COLUMNS, [cells(row, _COLUMNS) for row in rows]))


@audit.command()
@audit_option
@json_option
@click.argument("what")
def show(address: str, what: str, *, as_json: bool) -> None:
    """Print the story of WHAT: a job's name, id or key, or a delivery's key.

    \b
      nightdrop audit show nightly-ngkmzypw --audit sqlite:///nightdrop.db
    """
    database = _opened(address)
    rows = timeline(database, what)
    if not rows:
        complain(f"no job or delivery {what} stands in the log; see `nightdrop audit list`")
        sys.exit(1)
    if as_json:
        _print_json(rows)
        return
    console = screen()
    console.print(table(("job", "state", "job id", "asked for by"), stories(database, rows)))
    console.print()
    columns = ("seq", "at", "action", "outcome", "status", "note")
    console.print(table(columns, [cells(row, columns) for row in rows]))


@audit.command()
@audit_option
def verify(address: str) -> None:
    """Walk along the chain from the first record; exit status 0 whole, 1 broken.

    \b
      nightdrop audit verify --audit sqlite:///nightdrop.db
    """
    rows = _opened(address).query(_ALL_RECORDS)
    verdict = verify_chain(Record(row["seq"], row["hash"], row["record"]) for row in rows)
    for fault in verdict.faults:
        click.echo(str(fault))
    word = "whole" if verdict.whole else "BROKEN"
    click.echo(f"{word}: {verdict.head.seq} records, head {shown(verdict.head.hash)}…")
    sys.exit(0 if verdict.whole else 1)


def _opened(address: str) -> sqlite_utils.Database:
    try:
        return open_trail(address)
    except LookupError as error:
        complain(str(error.args[0]))
        sys.exit(2)


def _print_json(rows: list[dict[str, object]]) -> None:
    for row in rows:
        click.echo(json.dumps(row))
