"""`nightdrop jobs show`: one job, as the log and IEF have it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from handler.audit.name_lookup import find_job
from handler.cli.audit.records.record_row import format_time
from handler.cli.console import complain, facts_grid, printable, prose, screen
from handler.cli.existing_log import open_to_read
from handler.cli.jobs.fleet import shown_jobs
from handler.cli.jobs.job_row import asked_by, progress_shown, shown_job
from handler.cli.listing import print_value
from handler.cli.operations import found_in
from handler.cli.shared_options import audit_option, exit_on_log_error, format_choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from handler.cloud.ief.client import ShownJob

_MOST_REASONS = 10


@click.command()
@audit_option
@format_choice("table", "json", "yaml", "name")
@click.argument("job")
def show(address: str, output: str, job: str) -> None:
    """Show JOB as the log has it, with its tasks as IEF shows them.

    If IEF does not tell, a line on standard error says why. `nightdrop audit show JOB` has every
    record of it. Exit status: 0, 1 no job or several have this name, 2 the log cannot be read.

    \b
      nightdrop jobs show nightly-ngkmzypw
      nightdrop jobs show nightly-ngkm -o json
    """
    with exit_on_log_error(), open_to_read(address) as log:
        found = found_in(log, find_job, job)
        by = log.read(lambda view: asked_by(view, found), fresh=False)
    if output == "name":
        click.echo(printable(found.name))
        return
    shown, why = shown_jobs([found.job_id])
    if why:
        complain(why)
    fleet = shown.get(found.job_id)
    row = shown_job(found, by, progress_shown(fleet) if fleet else None)
    if output != "table":
        print_value({**row, "tasks": _tasks(fleet) if fleet else []}, output)
        return
    screen().print(_facts(row, fleet))


def _tasks(fleet: ShownJob) -> list[dict[str, str]]:
    """Return each task with its target."""
    return [
        {"target": target, "status": status, "reason": reason}
        for (status, reason), target in zip(fleet.tasks, fleet.targets, strict=True)
    ]


def _facts(row: Mapping[str, object], fleet: ShownJob | None) -> Table:
    facts = {**row, "changed": format_time(row["changed"])}
    if fleet:
        counted = Counter(status for status, _ in fleet.tasks)
        facts["tasks"] = ", ".join(f"{count} {status}" for status, count in counted.items())
        with_reason = [task for task in _tasks(fleet) if task["reason"]]
        facts["why"] = "\n".join(
            printable(f"{task['target']}: {task['reason']}") for task in with_reason[:_MOST_REASONS]
        )
    return facts_grid(
        (name.replace("_", " "), prose(value)) for name, value in facts.items() if value
    )
