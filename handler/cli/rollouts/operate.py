"""`nightdrop rollout pause`, `resume`, `approve`, `stop` and `retry`: the same as their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from handler.cli.console import printable
from handler.cli.existing_log import open_existing
from handler.cli.operations import found_in, operation_command, run_action
from handler.cli.rollouts.rollout_row import rollout_line
from handler.cli.shared_options import confirm, exit_on_log_error
from handler.rollouts.request import find_rollout

if TYPE_CHECKING:
    from handler.triggers.delivery import ActionName

_command = operation_command(
    "rollout",
    click.argument("rollout", metavar="NAME"),
    "Exit status: 0 it is so, 1 it was not done, 2 it could not be tried.",
    ("nightly", "nightly-djesdurr"),
)


@_command(
    "pause",
    "Pause rollout NAME: no more of its jobs are sent. Those that run finish, unless its spec has "
    "`running_jobs: pause`.",
)
def pause(address: str, rollout: str, reason: str) -> None:
    """Pause a rollout."""
    _operate("rollout.pause", address, rollout, reason)


@_command(
    "resume",
    "Resume rollout NAME: the nodes that failed before do not count for its gate any more.",
)
def resume(address: str, rollout: str, reason: str) -> None:
    """Resume a rollout."""
    _operate("rollout.resume", address, rollout, reason)


@_command(
    "approve",
    "Approve the wave of rollout NAME that waits for it, or with --wave the next one that will; it "
    "starts at once if nothing else is waited for.",
)
@click.option("--wave", type=click.IntRange(1, 1000), help="Which.  [default: what waits]")
def approve(address: str, rollout: str, reason: str, wave: int | None) -> None:
    """Approve a wave of a rollout."""
    _operate("rollout.approve", address, rollout, reason, wave or 0)


@_command(
    "stop",
    "Stop rollout NAME; it cannot be resumed. What was not sent is not sent any more. Jobs that "
    "run finish.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def stop(address: str, rollout: str, reason: str, *, yes: bool) -> None:
    """Stop a rollout."""
    _operate("rollout.stop", address, rollout, reason, asks=not yes)


@_command(
    "retry",
    "Retry rollout NAME, which is paused or has finished: its failed nodes are tried again.",
)
def retry(address: str, rollout: str, reason: str) -> None:
    """Retry the failed nodes of a rollout."""
    _operate("rollout.retry", address, rollout, reason)


def _operate(  # noqa: PLR0913 - what the events have
    name: ActionName, address: str, what: str, reason: str, wave: int = 0, *, asks: bool = False
) -> None:
    with exit_on_log_error(), open_existing(address) as log:
        found = found_in(log, find_rollout, what)
    if asks:
        confirm(f"Stop rollout {printable(found.name)}? It cannot be resumed.")
    reply = run_action(name, address, rollout=found.key, reason=reason, wave=wave)
    for text in reply.get("warnings", []):
        click.echo(printable(text))
    for one in reply["rollouts"]:
        click.echo(printable(rollout_line(one)))
