"""`nightdrop rollout watch`: follows a rollout until it has ended."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click
from rich.console import Group

from handler.cli.console import LATER, printable
from handler.cli.existing_log import open_to_read
from handler.cli.jobs.watch import DONE, FAILED
from handler.cli.live_screen import show_changes
from handler.cli.operations import found_in
from handler.cli.rollouts.rollout_details import details_of, headline, wave_grid
from handler.cli.rollouts.rollout_row import operator_times, rollout_line
from handler.cli.shared_options import NumberRange, audit_option, exit_on_log_error
from handler.rollouts.request import find_rollout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from handler.cli.existing_log import ReadableLog
    from handler.cli.rollouts.rollout_details import RolloutDetails
    from handler.rollouts.advance import JobTimes


@click.command()
@audit_option
@click.argument("name")
@click.option("--timeout", type=NumberRange(0), help="Seconds after which it ends in any case.")
@click.option(
    "--interval", type=NumberRange(0.1), default=2.0, show_default=True, help="Seconds per look."
)
def watch(address: str, name: str, timeout: float | None, interval: float) -> None:
    """Follow rollout NAME until it has finished or was stopped.

    On a terminal its waves change in place; otherwise each change is a line. It is only looked at:
    the function's timer brings it on, or `nightdrop reconcile`. Exit status: 0 all nodes
    succeeded, 1 some did not, or it was stopped, 2 the log cannot be read, 75 it has not ended in
    time.

    \b
      nightdrop rollout watch nightly
      nightdrop rollout watch nightly-djesdurr --timeout 900
    """
    until = time.monotonic() + (float("inf") if timeout is None else timeout)
    times = operator_times()
    with exit_on_log_error(), open_to_read(address) as log:
        key = found_in(log, find_rollout, name).key
        last = show_changes(_looks(log, key, times, until, interval), _drawing, _lines)
    rollout = last.standing.rollout
    if not rollout.ended:
        sys.exit(LATER)
    sys.exit(FAILED if rollout.state == "stopped" or last.standing.counts.failed else DONE)


def _looks(
    log: ReadableLog, key: str, times: JobTimes, until: float, interval: float
) -> Iterator[RolloutDetails]:
    """Yield the rollout as it is, again and again, until it has ended or the time is over."""
    while True:
        look = log.read(lambda view: details_of(view, key, times))
        yield look
        if look.standing.rollout.ended or time.monotonic() + interval > until:
            return
        time.sleep(interval)


def _drawing(look: RolloutDetails) -> RenderableType:
    return Group(headline(look), wave_grid(look))


def _lines(look: RolloutDetails) -> Iterator[str]:
    yield printable(rollout_line(look.to_json()))
