"""`nightdrop jobs pause`, `resume`, `retry`, `delete` and `abandon`: the same as their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from handler.cli.console import exit_with_error, printable
from handler.cli.existing_log import open_existing
from handler.cli.operations import NOT_DONE, found_in, operation_command, run_action
from handler.cli.shared_options import confirm, exit_on_log_error, operator
from handler.jobs.operations import OPERATIONS

if TYPE_CHECKING:
    from handler.triggers.delivery import ActionName

_command = operation_command(
    "jobs",
    click.argument("job"),
    "Exit status: 0 it is so, 1 it was not done, 2 it could not be tried, 75 not known yet: the "
    "reconciler settles it, with a record.",
    ("nightly-ngkmzypw", "nightly-ngkm"),
)


@_command("pause", "Pause JOB while it runs at IEF.")
def pause(address: str, job: str, reason: str) -> None:
    """Pause a job."""
    _operate("job.pause", address, job, reason)


@_command("resume", "Resume JOB: its interrupted tasks start again.")
def resume(address: str, job: str, reason: str) -> None:
    """Resume a job."""
    _operate("job.resume", address, job, reason)


@_command(
    "retry",
    "Retry JOB, which has ended without success: the tasks that did not succeed are repeated.",
)
def retry(address: str, job: str, reason: str) -> None:
    """Retry a job."""
    _operate("job.retry", address, job, reason)


@_command(
    "delete",
    "Delete JOB at IEF. What it has done on the fleet stays; its records stay in the log.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(address: str, job: str, reason: str, *, yes: bool) -> None:
    """Delete a job."""
    _operate("job.delete", address, job, reason, asks=not yes)


@_command(
    "abandon",
    "Abandon JOB: it is never sent (again). A created job stays at IEF. Needs the log alone.",
)
def abandon(address: str, job: str, reason: str) -> None:
    """Abandon a job."""
    from handler.jobs.job_request import abandon_job, find_operable

    with exit_on_log_error(), open_existing(address) as log:
        found = found_in(log, find_operable, job)
        said = abandon_job(found, reason, operator(), log)
    if said.outcome == "not done":
        exit_with_error(said.sentence, NOT_DONE)
    click.echo(printable(said.sentence))


def _operate(name: ActionName, address: str, what: str, reason: str, *, asks: bool = False) -> None:
    from handler.jobs.job_request import find_operable

    with exit_on_log_error(), open_existing(address) as log:
        found = found_in(log, find_operable, what)
    if asks:
        confirm(f"Delete job {printable(found.name)} ({printable(found.job_id)}) at IEF?")
    reply = run_action(name, address, job=found.key, reason=reason)
    done = OPERATIONS[name.removeprefix("job.")].participle
    warnings = cast("list[str]", reply.get("warnings", []))
    goes_on = f"; it goes on as its other copy, {found.other_ids}" if found.other_ids else ""
    click.echo(printable("; ".join(warnings) or f"job {found.name} is {done}{goes_on}"))
