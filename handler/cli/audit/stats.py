"""`nightdrop audit stats`: deliveries, jobs and times per day, failures, and open work."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from handler.cli.audit.records.record_row import format_minute, format_span
from handler.cli.audit.web.report_tables import open_report_tables
from handler.cli.console import STYLES, printable, screen, table
from handler.cli.listing import print_value
from handler.cli.shared_options import audit_option, exit_on_log_error, format_choice
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from rich.console import Console

    Rows: TypeAlias = list[dict[str, Any]]

_QUERIES = {
    "log": """
        SELECT count(*) AS records, min(at) AS first_at, max(at) AS last_at, max(seq) AS seq,
               (SELECT hash FROM page.records ORDER BY seq DESC LIMIT 1) AS hash
        FROM page.records""",
    "days": "SELECT * FROM page.days ORDER BY day",
    "states": """
        SELECT shown AS state, count(*) AS jobs FROM page.jobs GROUP BY shown ORDER BY jobs DESC""",
    "failures": """
        SELECT count(*) AS times, reason, max(at) AS latest FROM page.failures
        GROUP BY reason ORDER BY times DESC, reason""",
    "open": "SELECT * FROM page.open_items ORDER BY since",
    "checkpoint": "SELECT * FROM page.checkpoints ORDER BY seq DESC LIMIT 1",
}
_COUNTS = (
    *("deliveries", "rejected", "jobs", "created", "failed", "refused", "abandoned"),
    *("duplicated", "waiting"),
)
_TIMES = {"median": "median_seconds", "p95": "p95_seconds"}
_OPTIONAL = ("jobs", *_TIMES)
_INDENT = 2


@click.command()
@audit_option
@format_choice("table", "json", "yaml")
@click.option(
    "--days", type=click.IntRange(1), default=31, show_default=True, help="Only the last days."
)
def stats(address: str, days: int, output: str) -> None:
    """Print deliveries and jobs per day with their results, failures, and open work.

    Times are from the event to the API's answer: the median, and the 95th percentile. The table
    has no column for what did not happen on any day.

    \b
      nightdrop audit stats --audit sqlite:///nightdrop.db --days 7
      nightdrop audit stats -o json
    """
    with exit_on_log_error(), closing(open_report_tables(address)) as database:
        results = {name: list(database.query(sql)) for name, sql in _QUERIES.items()}
    results["days"] = results["days"][-days:]
    if output == "table":
        _print(results, screen())
    else:
        print_value(results, output)


def _print(results: dict[str, Rows], console: Console) -> None:
    log = results["log"][0]
    if not log["records"]:
        console.print("The log is empty.")
        return
    console.print(
        f"[bold]{log['records']:,} records[/]  {format_minute(log['first_at'])} to "
        f"{format_minute(log['last_at'])} UTC\n"
        f"[dim]head {log['seq']}, {short_key(log['hash'])}…[/]",
        highlight=False,
    )
    counted = [name for name in _COUNTS if any(row[name] for row in results["days"])]
    days = [_day_cells(row, counted) for row in results["days"]]
    _print_section(console, "Per day", ("day", *counted, *_TIMES), days)
    states = [(row["state"], row["jobs"]) for row in results["states"]]
    _print_section(console, "Jobs by state", ("state", "jobs"), states)
    failures = [
        (row["times"], format_minute(row["latest"]), row["reason"]) for row in results["failures"]
    ]
    _print_section(console, "What went wrong", ("times", "latest", "reason"), failures, "failure")
    items = [
        (row["name"], row["state"], format_minute(row["since"]), row["note"])
        for row in results["open"]
    ]
    _print_section(console, "Open", ("what", "state", "since", "note"), items, "unknown")
    text = _describe_checkpoint(results["checkpoint"], log["seq"])
    console.print("\n[bold]Latest checkpoint[/]")
    console.print(Padding.indent(Text.from_markup(text), _INDENT))


def _print_section(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    outcome: str = "pending",
) -> None:
    if not rows:
        return
    console.print(f"\n[bold]{title}[/]")
    optional = [name for name in _OPTIONAL if name in columns]
    section = table(columns, rows, optional, _INDENT)
    for column in section.columns:
        if column.header in {*_COUNTS, *_TIMES, "times"}:
            column.justify = "right"
    for line in section.rows:
        line.style = STYLES[outcome]
    console.print(Padding.indent(section, _INDENT))


def _day_cells(row: dict[str, Any], counted: Sequence[str]) -> tuple[object, ...]:
    times = (row[column] for column in _TIMES.values())
    return (
        row["day"],
        *(row[name] or "·" for name in counted),
        *("" if seconds is None else format_span(seconds) for seconds in times),
    )


def _describe_checkpoint(checkpoints: Rows, last: int) -> str:
    if not checkpoints:
        return "[yellow]No checkpoint yet[/], so truncation cannot be ruled out."
    [latest] = checkpoints
    signer = latest["signer"]
    signed = f"signed by {escape(printable(signer))}" if signer else "unsigned"
    size, at = latest["size"], format_minute(latest["at"])
    return f"up to record {size}, {at} UTC, {signed}; {last - size} since"
