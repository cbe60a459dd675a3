"""`nightdrop audit show`: who asked for this, when, through which file, and what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from handler.audit.state import DEAD, FINAL
from handler.canonical import shown
from handler.cli.excerpt import open_excerpt
from handler.cli.option import audit_option, complaining, json_option
from handler.cli.screen import STYLES, complain, printable, screen, table
from handler.cli.story import stories_of
from handler.cli.trail import row_of, timeline

if TYPE_CHECKING:
    from rich.console import Console

    from handler.cli.story import JobLine, Story

_MARKS = {"success": "●", "failure": "✗", "pending": "○", "unknown": "?"}
_STATES = {"planned": "green", "repeated": "cyan", "rejected": "bold red", "received": "yellow"}
_JOB_COLUMNS = ("job", "type", "state", "attempts", "after", "job id", "on the fleet")
_WRONG = ("Failed", "Partially", "Stopped", "Timed_out", "deleted")


@click.command(short_help="The story of one delivery or job.")
@audit_option
@json_option
@click.argument("what")
def show(address: str, what: str, *, as_json: bool) -> None:
    """Print the story of WHAT: a job's name, id or key, or a delivery's key.

    Who asked for it, when, through which file, and what came of it. Times count from the event.

    \b
      nightdrop audit show nightly-ngkmzypw --audit sqlite:///nightdrop.db
    """
    with complaining(), closing(open_excerpt(address, what)) as database:
        records = timeline(database, what)
        rows, stories = [row_of(record) for record in records], list(stories_of(records))
    if not records:
        complain(f"no job or delivery {what} stands in the log; see `nightdrop audit list`")
        sys.exit(1)
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
        f"[bold]delivery {escape(shown(story.key))}[/]  "
        f"[{_STATES.get(story.state, 'default')}]{story.state}[/]  "
        f"[dim]{story.began:%A %d %B %Y, %H:%M:%S} UTC[/]",
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
        drawn.add_row(name, escape(printable(value)))
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
    if job.state in DEAD or job.state == "duplicated" or job.ended.startswith(_WRONG):
        return STYLES["failure"]
    return STYLES["success"] if job.state in FINAL else STYLES["unknown"]


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
            f"[{style}]{_MARKS[step.outcome]}[/]",
            f"[{style}]{escape(printable(step.action))}[/]",
            *([escape(printable(step.job))] if several else []),
            escape(printable(step.detail)),
            f"#{step.seq}",
        )
    return drawn
