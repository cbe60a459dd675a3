"""`nightdrop status`: the state of a deployment in one screen."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from handler.cli.audit.records.record_row import format_time
from handler.cli.console import complain, printable, screen
from handler.cli.existing_log import open_to_read
from handler.cli.listing import Listing, print_value, table_lines
from handler.cli.rollouts.rollout_row import operator_times, rollout_line
from handler.cli.shared_options import NumberRange, audit_option, exit_on_log_error, format_choice
from handler.cli.status.fleet_progress import ask_progress
from handler.cli.status.overview import overview_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from handler.cli.existing_log import ReadableLog
    from handler.cli.status.overview import Entry, Overview

WELL, NOT_WELL = 0, 1
"""Exit statuses."""

_MOST_ROWS = 8
_ENTRIES = Listing(
    ("name", "state", "progress", "for", "reason"),
    name="name",
    empty="",
    optional=("progress", "for"),
)


@click.command()
@audit_option
@format_choice("table", "json", "yaml")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=NumberRange(0.5),
    default=5.0,
    show_default=True,
    help="Seconds between two looks of --watch.",
)
def status(address: str, output: str, *, watch: bool, interval: float) -> None:
    """Show in one screen what waits and why, what runs on the fleet, and what failed in a day.

    Also rollouts, the timers' latest ticks, the latest checkpoint, and the latest examination by
    the event {"action": "doctor"}. The log's part needs no network; how far running jobs are is
    asked of IEF, and a line on standard error says why if it does not answer. Exit status: 0
    nothing failed and nothing is held or paused, 1 something is, 2 the log cannot be read.

    \b
      nightdrop status
      nightdrop status --watch --audit sqlite:///nightdrop.db
    """
    with exit_on_log_error(), open_to_read(address) as log, suppress(KeyboardInterrupt):
        seen = _seen(log)
        if output != "table":
            print_value(seen.to_json(), output)
        elif watch:
            _watch(log, seen, interval)
        else:
            console = screen()
            whole = not console.is_terminal
            console.print(Group(*_parts(seen)), highlight=False, soft_wrap=whole)
    sys.exit(WELL if seen.is_well else NOT_WELL)


def _seen(log: ReadableLog) -> Overview:
    """Return the overview, with the progress of what runs if IEF tells it."""
    times = operator_times()
    seen, problem = ask_progress(log.read(lambda view: overview_of(view, times)))
    if problem:
        complain(problem)
    return seen


def _watch(log: ReadableLog, seen: Overview, interval: float) -> None:
    with Live(Group(*_parts(seen)), console=screen(), auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(Group(*_parts(_seen(log))), refresh=True)


def _parts(seen: Overview) -> Iterator[RenderableType]:
    if seen.held:
        yield Text(f"Sending is on hold: {printable(seen.held)}", style="bold red")
    if seen.suspended:
        yield Text(f"No job is declared absent: {printable(seen.suspended)}", style="bold red")
    yield from _section("Waiting", "nothing", seen.waiting, seen)
    running = [job for job in seen.running if job not in seen.ended]
    yield from _section("Running", "nothing", running, seen)
    if seen.ended:
        yield from _section("Ended, and to be recorded by the reconciler", "", seen.ended, seen)
    yield from _rollouts(seen)
    yield from _section("Failed", f"nothing in the last day{seen.aside}", seen.failed, seen)
    yield Text(f"Last day       {seen.last_day}")
    for tick in seen.ticks:
        due = f", next expected {format_time(tick.expected)}" if tick.expected else ""
        yield Text(f"Timer          {printable(tick.timer)}: {format_time(tick.latest)}{due}")
    yield Text(f"Checkpoint     {seen.last_checkpoint}")
    yield Text(f"Examination    {seen.last_examination}")
    yield Text(f"Log            {seen.records} records, {format_time(seen.at)} UTC")


def _rollouts(seen: Overview) -> Iterator[RenderableType]:
    """Yield a line for each rollout, and below it why its nodes failed."""
    if not seen.rollouts:
        return
    shown = seen.rollouts[:_MOST_ROWS]
    yield Text(f"Rollouts ({len(seen.rollouts)})", style="bold")
    for one in shown:
        yield _line(rollout_line(one.to_json()))
        for reason, nodes in one.reasons:
            yield _line(f"  {nodes} failed: {reason}")
    if len(seen.rollouts) > _MOST_ROWS:
        more = len(seen.rollouts) - _MOST_ROWS
        yield Text(f"and {more} more: `nightdrop rollout list`", style="dim")


def _line(text: str) -> Text:
    return Text(printable(text), no_wrap=True, overflow="ellipsis")


def _section(
    title: str, nothing: str, entries: Sequence[Entry], seen: Overview
) -> Iterator[RenderableType]:
    if not entries:
        yield Text(f"{title:<15}{nothing}", style="dim")
        return
    rows = [
        {
            "name": entry.name,
            "state": entry.state,
            "progress": entry.progress,
            "for": seen.ago(entry.since),
            "reason": entry.note.partition("\n")[0],
            "command": entry.command,
        }
        for entry in entries[:_MOST_ROWS]
    ]
    yield Text(f"{title} ({len(entries)})", style="bold")
    heading, *lines = table_lines(rows, _ENTRIES, screen())
    yield Text(heading, style="bold")
    yield from map(Text, lines)
    if len(entries) > _MOST_ROWS:
        more = len(entries) - _MOST_ROWS
        yield Text(f"and {more} more: `nightdrop status -o json` has all", style="dim")
