"""`nightdrop jobs pause`, `resume`, `retry`, `delete` and `abandon`: the same as their events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from handler.audit.name_lookup import find_job
from handler.cli.console import complain, exit_with_error, printable
from handler.cli.existing_log import open_existing
from handler.cli.shared_options import audit_option, confirm, exit_on_log_error, operator
from handler.errors import NightdropError
from handler.jobs.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.job_state import JobState
    from handler.audit.log import Log
    from handler.triggers.delivery import ActionName

NOT_DONE, UNKNOWN = 1, 75
"""Exit statuses; 75 is EX_TEMPFAIL of sysexits.h: the reconciler settles it."""

_STATUSES = (
    "Exit status: 0 it is so, 1 it was not done, 2 it could not be tried, 75 not known yet: the "
    "reconciler settles it, with a record."
)
reason_option = click.option("--reason", default="", show_default="by hand", help="For the record.")


def _command(name: str, short_help: str, text: str) -> Callable[..., click.Command]:
    """Return the decorator of a command that asks for an operation on one job."""
    help_text = (
        f"{text}\n\n{_STATUSES}\n\n\b\n  nightdrop jobs {name} nightly-ngkmzypw\n"
        f'  nightdrop jobs {name} nightly-ngkm --reason "ticket 4711"'
    )

    def decorate(function: Callable[..., None]) -> click.Command:
        with_options = audit_option(click.argument("job")(reason_option(function)))
        return click.command(name, short_help=short_help, help=help_text)(with_options)

    return decorate


@_command("pause", "Stop a running job; `resume` continues it.", "Pause JOB while it runs at IEF.")
def pause(address: str, job: str, reason: str) -> None:
    """Pause a job."""
    _operate("job.pause", address, job, reason)


@_command("resume", "Continue a paused job.", "Resume JOB: its interrupted tasks start again.")
def resume(address: str, job: str, reason: str) -> None:
    """Resume a job."""
    _operate("job.resume", address, job, reason)


@_command(
    "retry",
    "Repeat the tasks of a job that did not succeed.",
    "Retry JOB, which has ended without success: the tasks that did not succeed are repeated.",
)
def retry(address: str, job: str, reason: str) -> None:
    """Retry a job."""
    _operate("job.retry", address, job, reason)


@_command(
    "delete",
    "Delete a job at IEF.",
    "Delete JOB at IEF. What it has done on the fleet stays; its records stay in the log.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(address: str, job: str, reason: str, *, yes: bool) -> None:
    """Delete a job."""
    _operate("job.delete", address, job, reason, asks=not yes)


@_command(
    "abandon",
    "Give up a job that was not created yet.",
    "Abandon JOB: it is never sent (again). A created job stays at IEF. Needs the log alone.",
)
def abandon(address: str, job: str, reason: str) -> None:
    """Abandon a job."""
    from handler.jobs.job_request import abandon_job

    with exit_on_log_error(), open_existing(address) as log:
        found = found_job(log, job)
        said = abandon_job(found.key, reason, operator(), log)
    if said.outcome == "not done":
        exit_with_error(said.sentence, NOT_DONE)
    click.echo(printable(said.sentence))


def _operate(name: ActionName, address: str, what: str, reason: str, *, asks: bool = False) -> None:
    with exit_on_log_error(), open_existing(address) as log:
        found = found_job(log, what)
    if asks:
        confirm(f"Delete job {printable(found.name)} ({printable(found.job_id)}) at IEF?")
    reply = run_action(name, address, job=found.key, reason=reason)
    done = OPERATIONS[name.removeprefix("job.")].participle
    warnings = cast("list[str]", reply.get("warnings", []))
    click.echo(printable("; ".join(warnings) or f"job {found.name} is {done}"))


def run_action(name: ActionName, address: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - the fields of `Action`
    """Run the function once with what an event asks for, in the name of the operator.

    Exits with the status of the reply, unless that is `completed`; with 2 if it cannot be run.

    Args:
        name: What is asked for.
        address: Where the log is.
        given: The other fields of the `Action`.

    Returns:
        The reply.
    """
    # Loaded where it is needed: an unknown name is answered without.
    from handler.cli.configuration.environment import cloud_environment
    from handler.function import handle
    from handler.invocation.instance import open_instance
    from handler.local.runtime.context import Context
    from handler.triggers.delivery import Action

    try:
        environ = {**cloud_environment(), "NIGHTDROP_AUDIT": address}
        context = Context.from_environment(environ)
        instance = open_instance(context, environ, lambda _line: None)
        try:
            reply = handle(Action(name, actor=operator(), **given), context, instance)
        finally:
            instance.close()
    except NightdropError as error:
        exit_with_error(str(error))
    for text in cast("list[str]", reply["errors"]):
        complain(text)
    if reply["outcome"] != "completed":
        sys.exit(UNKNOWN if reply["outcome"] == "deferred" else NOT_DONE)
    return reply


def found_job(log: Log, what: str) -> JobState:
    """Return the job with a name; exit with status 1 if none or several have it."""
    try:
        return log.read(lambda view: find_job(view, what))
    except LookupError as error:
        exit_with_error(str(error.args[0]), NOT_DONE)
