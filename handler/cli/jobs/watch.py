"""`nightdrop jobs watch`: follows jobs on the fleet until all of them have ended."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from handler.audit.name_lookup import find_job
from handler.cli.console import LATER, complain, printable, table
from handler.cli.existing_log import open_to_read
from handler.cli.jobs.fleet import shown_jobs
from handler.cli.jobs.job_row import progress_of, progress_shown, state_word
from handler.cli.live_screen import show_changes
from handler.cli.operations import found_in
from handler.cli.shared_options import NumberRange, audit_option, exit_on_log_error
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from handler.cli.existing_log import ReadableLog

DONE, FAILED = 0, 1
"""Exit statuses."""


class _Watched(NamedTuple):
    """A job at one time: what a line says of it, and whether it has ended."""

    name: str
    state: str
    progress: str
    is_over: bool


@click.command()
@audit_option
@click.argument("job", nargs=-1, required=True)
@click.option("--timeout", type=NumberRange(0), help="Seconds after which it ends in any case.")
@click.option(
    "--interval", type=NumberRange(0.1), default=2.0, show_default=True, help="Seconds per look."
)
def watch(address: str, job: Sequence[str], timeout: float | None, interval: float) -> None:
    """Follow each JOB until all have ended at IEF, or will never be sent.

    On a terminal the lines change in place; otherwise each change is a line. A paused job has not
    ended. Exit status: 0 all succeeded, 1 one did not, 2 the log cannot be read, 75 not all have
    ended in time.

    \b
      nightdrop jobs watch nightly-ngkmzypw
      nightdrop jobs watch nightly-ngkm depot-nord --timeout 900
    """
    until = time.monotonic() + (float("inf") if timeout is None else timeout)
    with exit_on_log_error(), open_to_read(address) as log:
        keys = list(dict.fromkeys(found_in(log, find_job, what).key for what in job))
        last = show_changes(_looks(log, keys, until, interval), _table, _lines)
    if not all(one.is_over for one in last):
        sys.exit(LATER)
    sys.exit(DONE if all(one.state == "succeeded" for one in last) else FAILED)


def _looks(
    log: ReadableLog, keys: Sequence[str], until: float, interval: float
) -> Iterator[Sequence[_Watched]]:
    """Yield the jobs as they are, again and again, until all have ended or the time is over."""
    complained = ""
    while True:
        jobs = log.read(lambda view: [view.job(key) for key in keys])
        known = [job for job in jobs if job]
        shown, why = shown_jobs([job.job_id for job in known if job.followed])
        if why and why != complained:
            complain(why)
        complained = why
        watched = []
        for job in known:
            fleet = shown.get(job.job_id)
            progress = progress_shown(fleet) if fleet else progress_of(job)
            over = (job.final and not job.followed) or (progress.is_over and not job.paused)
            watched.append(_Watched(job.name, state_word(job, progress), str(progress), over))
        yield watched
        if all(one.is_over for one in watched) or time.monotonic() + interval > until:
            return
        time.sleep(interval)


def _lines(watched: Sequence[_Watched]) -> Iterator[str]:
    for one in watched:
        yield f"{printable(one.name)}  {one.state}  {one.progress}".rstrip()


def _table(watched: Sequence[_Watched]) -> Table:
    return table(("job name", "state", "progress"), [one[:3] for one in watched])
