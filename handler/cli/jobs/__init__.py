"""`nightdrop jobs`: list, show and watch jobs; pause, resume, retry, delete and abandon them."""

from __future__ import annotations

import click

from handler.cli.jobs.list import list_
from handler.cli.jobs.operate import abandon, delete, pause, resume, retry
from handler.cli.jobs.show import show
from handler.cli.jobs.watch import watch


@click.group()
def jobs() -> None:
    """List, show and watch jobs; pause, resume, retry, delete and abandon them.

    JOB is a job's name, its id at IEF or its key, or the beginning of one.
    """


for command in (list_, show, watch, pause, resume, retry, delete, abandon):
    jobs.add_command(command)
