"""`nightdrop audit show`: who asked for this, when, through which file, and what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from handler.audit.job_end import WRONG
from handler.audit.state import FINAL
from handler.cli.audit.records.delivery_timeline import stories_of
from handler.cli.audit.records.excerpt import open_excerpt
from handler.cli.audit.records.sqlite_view import row_of, timeline
from handler.cli.console import STYLES, complain, printable, prose, screen, table
from handler.cli.shared_options import audit_option, exit_on_log_error, json_option
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from rich.console import Console

    from handler.cli.audit.records.delivery_timeline import JobLine, Story

_MARKS = {"success": "●", "failure": "✗", "pending": "○", "unknown": "?"}
_WELL = FINAL | {"succeeded"}
_STATES = {"planned": "green", "repeated": "cyan", "rejected": "bold red", "received": "yellow"}
_JOB_COLUMNS = ("job", "type", "state", "attempts", "after", "job id", "on the fleet")


@click.command(short_help="The story of one delivery or job.")
@audit_option
@json_option
@click.argument("what")
def show(address: str, what: str, *, as_json: bool) -> None:
    """Print the story of WHAT: a job's name, id or key, a delivery's file or key.

    The beginning of one is enough, if nothing else begins so.

    Who asked for it, when, through which file, and what came of it. Times count from the event.

    \b
      nightdrop audit show nightly-ngkmzypw --audit sqlite:///nightdrop.db
    """
    with exit_on_log_error(), closing(open_excerpt(address, what)) as database:
        try:
            records = timeline(database, what)
        except LookupError as error:
            complain(str(error.args[0]))
            sys.exit(1)
        rows, stories = [row_of(record) for record in records], list(stories_of(records))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    console = screen()
    for story in stories:
        _print(story, console)


def _print(story: Story, console: Console) -> None:
    console.print()
    console.print(
        Text.assemble(
            (f"delivery {printable(shown(story.key))}", "bold"),
            "  ",
            (printable(story.state), _STATES.get(story.state, "default")),
            "  ",
            (f"{story.began:%A %d %B %Y, %H:%M:%S} UTC", "dim"),
        ),
        highlight=False,
    )
    console.print(Padding(_facts(story), (0, 0, 1, 2)))
    if story.jobs:
        console.print(Padding(_jobs(story), (0, 0, 1, 2)))
    console.print(Padding(_steps(story), (0, 0, 0, 2)))


def _facts(story: Story) -> Table:
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in story.facts:
        drawn.add_row(name, Text(printable(value)))
    return drawn


def _jobs(story: Story) -> Table:
    rows = [
        (job.name, job.type, job.state, job.attempts, job.after, job.job_id, job.ended)
        for job in story.jobs
    ]
    drawn = table(_JOB_COLUMNS, rows)
    for row, job in zip(drawn.rows, story.jobs, strict=True):
        row.style = _style(job)
    return drawn


def _style(job: JobLine) -> str:
    if job.state in WRONG:
        return STYLES["failure"]
    return STYLES["success"] if job.state in _WELL else STYLES["unknown"]


def _steps(story: Story) -> Table:
    several = len(story.jobs) > 1
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(style="dim", justify="right", no_wrap=True)
    drawn.add_column(no_wrap=True)
    drawn.add_column(no_wrap=True)
    if several:
        drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    drawn.add_column(style="dim", justify="right", no_wrap=True)
    for step in story.steps:
        style = STYLES[step.outcome]
        drawn.add_row(
            step.after,
            Text(_MARKS[step.outcome], style),
            Text(printable(step.action), style, no_wrap=False, overflow="fold"),
            *([Text(printable(step.job), no_wrap=False, overflow="fold")] if several else []),
            Text(prose(step.detail)),
            f"#{step.seq}",
        )
    return drawn
