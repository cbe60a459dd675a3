"""`nightdrop audit show`: the timeline of one delivery, rollout or job."""

from __future__ import annotations

from contextlib import closing
from dataclasses import astuple
from typing import TYPE_CHECKING

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from handler.audit.job_end import WRONG
from handler.audit.job_state import FINAL
from handler.cli.audit.records.delivery_timeline import build_timelines
from handler.cli.audit.records.log_reader import open_database, open_with_forgotten
from handler.cli.audit.records.name_lookup import find_records
from handler.cli.audit.records.record_row import trail_row
from handler.cli.console import STYLES, exit_with_error, facts_grid, printable, prose, screen, table
from handler.cli.listing import print_row
from handler.cli.shared_options import audit_option, exit_on_log_error, format_choice
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from handler.audit.record import Record
    from handler.cli.audit.records.delivery_timeline import DeliveryTimeline

_MARKS = {"success": "●", "failure": "✗", "pending": "○", "unknown": "?"}
_STATES = {
    "planned": "green",
    "repeated": "cyan",
    "rejected": "bold red",
    "received": "yellow",
    "awaiting": "yellow",
}
_JOB_COLUMNS = ("job", "type", "state", "attempts", "after", "job id", "on the fleet")
_OPTIONAL = ("type", "attempts", "after")
_INDENT = 2


@click.command()
@audit_option
@format_choice("table", "json", "yaml")
@click.argument("what")
def show(address: str, what: str, output: str) -> None:
    """Print the timeline of WHAT: a job, a rollout or a delivery.

    WHAT is a job's name, id or key, a rollout's name or key, or a delivery's file or key. The
    beginning of a name is enough if it is unique. A rollout's timeline is that of its delivery.

    Shows who asked for it, when, through which file, every step, and the result. Times count from
    the event.

    \b
      nightdrop audit show nightly-ngkmzypw --audit sqlite:///nightdrop.db
      nightdrop audit show upgrade.yaml -o yaml
    """
    with exit_on_log_error():
        try:
            records = _find(address, what)
        except LookupError as error:
            exit_with_error(str(error.args[0]), 1)
        _print_all(records, output)


def _print_all(records: Sequence[Record], output: str) -> None:
    if output != "table":
        for record in records:
            print_row(trail_row(record), output)
        return
    console = screen()
    for number, timeline in enumerate(build_timelines(records)):
        if number:
            console.print()
        _print(timeline, console)


def _find(address: str, what: str) -> list[Record]:
    """Return the records that a name means; of what was forgotten only if nothing else matches."""
    with closing(open_database(address, what)) as database:
        try:
            return find_records(database, what)
        except LookupError as error:
            unknown = error
    database_with_forgotten = open_with_forgotten(address)
    if database_with_forgotten is None:
        raise unknown
    with closing(database_with_forgotten) as database:
        return find_records(database, what)


def _print(timeline: DeliveryTimeline, console: Console) -> None:
    heading = Text.assemble(
        (f"delivery {printable(short_key(timeline.key))}", "bold"),
        "  ",
        (printable(timeline.state), _STATES.get(timeline.state, "default")),
        "  ",
        (f"{timeline.start:%A %d %B %Y, %H:%M:%S} UTC", "dim"),
    )
    facts = ((name, printable(value)) for name, value in timeline.facts)
    console.print(heading, highlight=False)
    _print_part(facts_grid(facts), console)
    if timeline.jobs:
        _print_part(_jobs_table(timeline), console)
    console.print(Padding.indent(_steps_table(timeline), _INDENT))


def _print_part(part: RenderableType, console: Console) -> None:
    console.print(Padding.indent(part, _INDENT))
    console.print()


def _jobs_table(timeline: DeliveryTimeline) -> Table:
    lines = table(_JOB_COLUMNS, map(astuple, timeline.jobs), _OPTIONAL, _INDENT)
    for line, job in zip(lines.rows, timeline.jobs, strict=True):
        done = "success" if job.state in {*FINAL, "succeeded"} else "unknown"
        line.style = STYLES["failure" if job.state in WRONG else done]
    return lines


def _steps_table(timeline: DeliveryTimeline) -> Table:
    several = len(timeline.jobs) > 1
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", justify="right", no_wrap=True)
    for _ in range(3 if several else 2):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(style="dim", justify="right", no_wrap=True)
    for step in timeline.steps:
        style = STYLES[step.outcome]
        grid.add_row(
            step.after,
            Text(_MARKS[step.outcome], style),
            Text(printable(step.action), style, no_wrap=False, overflow="fold"),
            *([Text(printable(step.job), no_wrap=False, overflow="fold")] if several else []),
            Text(prose(step.detail)),
            f"#{step.seq}",
        )
    return grid
