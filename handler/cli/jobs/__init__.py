"""`nightdrop jobs`: list, show and watch jobs; pause, resume, retry, delete and abandon them."""

from __future__ import annotations

import click

from handler.cli.command_group import Command, CommandGroup

COMMANDS = {
    "list": Command("jobs.list", "The jobs of the log, with their progress at IEF."),
    "show": Command("jobs.show", "One job: its state, its tasks, and why they failed."),
    "watch": Command("jobs.watch", "Follow jobs until they have ended."),
    "pause": Command("jobs.operate", "Stop a running job; `resume` continues it."),
    "resume": Command("jobs.operate", "Continue a paused job."),
    "retry": Command("jobs.operate", "Repeat the tasks of a job that did not succeed."),
    "delete": Command("jobs.operate", "Delete a job at IEF."),
    "abandon": Command("jobs.operate", "Give up a job that was not created yet."),
}
"""All commands."""


@click.group(cls=CommandGroup, lazy=COMMANDS)
def jobs() -> None:
    """List, show and watch jobs; pause, resume, retry or delete them.

    JOB is a job's name, its id at IEF or its key, or the beginning of one.

    \b
      nightdrop jobs list --state failed
      nightdrop jobs watch nightly-ngkmzypw
    """
