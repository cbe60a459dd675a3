"""`nightdrop rollout pause`, `resume`, `approve`, `stop` and `retry`: the same as their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from handler.cli.console import exit_with_error, printable
from handler.cli.existing_log import open_existing
from handler.cli.jobs.operate import NOT_DONE, reason_option, run_action
from handler.cli.rollouts.rollout_row import rollout_line
from handler.cli.shared_options import audit_option, confirm, exit_on_log_error
from handler.rollouts.request import find_rollout

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Log
    from handler.audit.rollouts.state import RolloutState
    from handler.triggers.delivery import ActionName

_STATUSES = "Exit status: 0 it is so, 1 it was not done, 2 it could not be tried."


def _command(name: str, short_help: str, text: str) -> Callable[..., click.Command]:
    """Return the decorator of a command that asks for an operation on one rollout."""
    help_text = (
        f"{text}\n\n{_STATUSES}\n\n\b\n  nightdrop rollout {name} nightly\n"
        f'  nightdrop rollout {name} nightly-djesdurr --reason "ticket 4711"'
    )

    def decorate(function: Callable[..., None]) -> click.Command:
        with_options = audit_option(click.argument("rollout", metavar="NAME")(function))
        return click.command(name, short_help=short_help, help=help_text)(
            reason_option(with_options)
        )

    return decorate


@_command(
    "pause",
    "Start no more jobs; `resume` goes on.",
    "Pause rollout NAME: no more of its jobs are sent. Those that run finish, unless its spec has "
    "`running_jobs: pause`.",
)
def pause(address: str, rollout: str, reason: str) -> None:
    """Pause a rollout."""
    _operate("rollout.pause", address, rollout, reason)


@_command(
    "resume",
    "Go on with a paused rollout.",
    "Resume rollout NAME: the nodes that failed before do not count for its gate any more.",
)
def resume(address: str, rollout: str, reason: str) -> None:
    """Resume a rollout."""
    _operate("rollout.resume", address, rollout, reason)


@_command(
    "approve",
    "Let a wave start that waits for approval.",
    "Approve the wave of rollout NAME that waits for it, or with --wave the next one that will; it "
    "starts at once if nothing else is waited for.",
)
@click.option("--wave", type=click.IntRange(1, 1000), help="Which.  [default: what waits]")
def approve(address: str, rollout: str, reason: str, wave: int | None) -> None:
    """Approve a wave of a rollout."""
    _operate("rollout.approve", address, rollout, reason, wave or 0)


@_command(
    "stop",
    "End a rollout before all of its nodes had their turn.",
    "Stop rollout NAME; it cannot be resumed. What was not sent is not sent any more. Jobs that "
    "run finish.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def stop(address: str, rollout: str, reason: str, *, yes: bool) -> None:
    """Stop a rollout."""
    _operate("rollout.stop", address, rollout, reason, asks=not yes)


@_command(
    "retry",
    "Try the failed nodes of a rollout again.",
    "Retry rollout NAME, which is paused or has finished: its failed nodes are tried again.",
)
def retry(address: str, rollout: str, reason: str) -> None:
    """Retry the failed nodes of a rollout."""
    _operate("rollout.retry", address, rollout, reason)


def _operate(  # noqa: PLR0913 - what the events have
    name: ActionName, address: str, what: str, reason: str, wave: int = 0, *, asks: bool = False
) -> None:
    with exit_on_log_error(), open_existing(address) as log:
        found = found_rollout(log, what)
    if asks:
        confirm(f"Stop rollout {printable(found.name)}? It cannot be resumed.")
    reply = run_action(name, address, rollout=found.key, reason=reason, wave=wave)
    for text in reply.get("warnings", []):
        click.echo(printable(text))
    for one in reply["rollouts"]:
        click.echo(printable(rollout_line(one)))


def found_rollout(log: Log, what: str) -> RolloutState:
    """Return the rollout with a name; exit with status 1 if none or several have it."""
    try:
        return log.read(lambda view: find_rollout(view, what))
    except LookupError as error:
        exit_with_error(str(error.args[0]), NOT_DONE)
