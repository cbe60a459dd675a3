"""`nightdrop audit stats`: what came in, what came of it, how long it took, what is open."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.padding import Padding

from handler.cli.audit.records.delivery_timeline import span
from handler.cli.audit.web.report_tables import rows, with_facts
from handler.cli.console import STYLES, printable, screen, table
from handler.cli.shared_options import audit_option, exit_on_log_error
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlite_utils
    from rich.console import Console

_DAYS = "SELECT * FROM page.days ORDER BY day"
_FAILURES = """
SELECT count(*) AS times, reason, max(at) AS latest FROM page.failures
GROUP BY reason ORDER BY times DESC, reason"""
_OPEN = "SELECT * FROM page.open_items ORDER BY since"
_CHECKPOINT = "SELECT * FROM page.checkpoints ORDER BY seq DESC LIMIT 1"
_STATES = "SELECT shown AS state, count(*) AS jobs FROM page.jobs GROUP BY shown ORDER BY jobs DESC"
_LOG = """
SELECT count(*) AS records, min(at) AS first_at, max(at) AS last_at, max(seq) AS seq,
       (SELECT hash FROM page.records ORDER BY seq DESC LIMIT 1) AS hash
FROM page.records"""
_SECTIONS = {
    "log": _LOG,
    "days": _DAYS,
    "states": _STATES,
    "failures": _FAILURES,
    "open": _OPEN,
    "checkpoint": _CHECKPOINT,
}
_COUNTED = (
    "deliveries",
    "rejected",
    "jobs",
    "created",
    "failed",
    "refused",
    "abandoned",
    "duplicated",
    "waiting",
)
_TOOK = {"median": "median_seconds", "p95": "p95_seconds"}


@click.command(short_help="Counts per day, reasons, times, what is open.")
@audit_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--days", type=click.IntRange(1), default=31, show_default=True, help="How many, the last ones."
)
def stats(address: str, days: int, *, as_json: bool) -> None:
    """Print what came in per day, what came of it, and how long it took.

    Times are from the event to the API's answer: the median, and what 95 of 100 jobs stay under.

    \b
      nightdrop audit stats --audit sqlite:///nightdrop.db --days 7
    """
    with exit_on_log_error(), closing(with_facts(address)) as database:
        found = counted(database, days)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(found, screen())


def counted(database: sqlite_utils.Database, days: int) -> dict[str, list[dict[str, Any]]]:
    """Return what the facts come to, in sections.

    Args:
        database: As `with_facts` opens it.
        days: How many days, the last ones.
    """
    found = {name: rows(database, sql) for name, sql in _SECTIONS.items()}
    return {**found, "days": found["days"][-days:]}


def _print(found: dict[str, list[dict[str, Any]]], console: Console) -> None:
    log = found["log"][0]
    if not log["records"]:
        console.print("The log is empty.")
        return
    console.print(
        f"\n[bold]{log['records']:,} records[/]  {_when(log['first_at'])} to "
        f"{_when(log['last_at'])} UTC  [dim]head {log['seq']}, {shown(log['hash'])}…[/]",
        highlight=False,
    )
    columns = ("day", *_COUNTED, *_TOOK)
    _section(console, "Per day", columns, [_day(row) for row in found["days"]])
    states = [(row["state"], row["jobs"]) for row in found["states"]]
    _section(console, "Jobs by state", ("state", "jobs"), states)
    reasons = [(row["times"], _when(row["latest"]), row["reason"]) for row in found["failures"]]
    _section(console, "What went wrong", ("times", "latest", "reason"), reasons, "failure")
    left = [(row["name"], row["state"], _when(row["since"]), row["note"]) for row in found["open"]]
    _section(console, "Open", ("what", "state", "since", "note"), left, "unknown")
    _print_checkpoint(found, console)


def _section(
    console: Console,
    title: str,
    columns: Sequence[str],
    lines: Sequence[Sequence[object]],
    outcome: str = "pending",
) -> None:
    if not lines:
        return
    console.print(f"\n[bold]{title}[/]")
    drawn = table(columns, lines)
    for column in drawn.columns:
        if column.header in {*_COUNTED, *_TOOK, "times"}:
            column.justify = "right"
    for line in drawn.rows:
        line.style = STYLES[outcome]
    console.print(Padding(drawn, (0, 0, 0, 2)))


def _day(row: dict[str, Any]) -> tuple[object, ...]:
    took = (row[field] for field in _TOOK.values())
    return (
        row["day"],
        *(row[name] or "·" for name in _COUNTED),
        *("" if seconds is None else span(seconds) for seconds in took),
    )


def _print_checkpoint(found: dict[str, list[dict[str, Any]]], console: Console) -> None:
    if not found["checkpoint"]:
        text = "[yellow]No checkpoint yet[/], so truncation cannot be ruled out."
    else:
        latest = found["checkpoint"][0]
        by = f"signed by {escape(printable(latest['signer']))}" if latest["signer"] else "unsigned"
        behind = found["log"][0]["seq"] - latest["size"]
        text = f"up to record {latest['size']}, {_when(latest['at'])} UTC, {by}; {behind} since"
    console.print(f"\n[bold]Latest checkpoint[/]\n  {text}\n", highlight=False)


def _when(at: str) -> str:
    return at[:16].replace("T", " ")
