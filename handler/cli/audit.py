"""`nightdrop audit`: prepare the audit log, read it and verify its chain."""

from __future__ import annotations

import json
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from handler.audit.record import Record
from handler.audit.stores import OBS, POSTGRES, init_log
from handler.audit.verify import verify as verify_chain
from handler.canonical import shown
from handler.cli.any_log import any_log
from handler.cli.probe import probe
from handler.cli.screen import complain, screen, table
from handler.cli.trail import cells, open_trail, stories, timeline, trail
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Prepare the audit log, read it and verify its chain."""


audit.add_command(probe)


@audit.command()
@audit_option
@click.option("--role", default="", help="The function's role in the database: grant it its part.")
def init(address: str, role: str) -> None:
    """Create the tables of a log in PostgreSQL; safe to repeat.

    Prints the grants that the function's role needs; --role applies them. Run it as another
    role, which then owns the tables: the function must not be able to change what is recorded.

    \b
      nightdrop audit init --audit postgresql://owner@host/nightdrop --role nightdrop_function
    """
    with _complaining():
        grants = init_log(address, role)
    if not grants:
        click.echo("A log in SQLite or OBS needs no preparation: it is created on first use.")
        return
    click.echo("-- The tables stand. " + ("Granted:" if role else "The function's role needs:"))
    for grant in grants:
        click.echo(grant)


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
    verdict = verify_chain(_stored(address))
    for fault in verdict.faults:
        click.echo(str(fault))
    word = "whole" if verdict.whole else "BROKEN"
    click.echo(f"{word}: {verdict.head.seq} records, head {shown(verdict.head.hash)}…")
    sys.exit(0 if verdict.whole else 1)


def _stored(address: str) -> Iterator[Record]:
    """Yield the records as they stand: a copy could not hold what is broken."""
    if address.startswith((POSTGRES, OBS)):
        with _complaining(), closing(any_log(address)) as log:
            yield from log.records()
        return
    for row in _opened(address).query(_ALL_RECORDS):
        yield Record(row["seq"], row["hash"], row["record"])


def _opened(address: str) -> sqlite_utils.Database:
    with _complaining():
        return open_trail(address)


@contextmanager
def _complaining() -> Iterator[None]:
    try:
        yield
    except (LookupError, LogError) as error:
        complain(str(error.args[0]))
        sys.exit(2)


def _print_json(rows: list[dict[str, object]]) -> None:
    for row in rows:
        click.echo(json.dumps(row))
