"""`nightdrop jobs list`: the jobs of the log and of IEF in one table."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

from handler.audit.job_end import WRONG
from handler.cli.audit.records.record_filter import time_option
from handler.cli.console import complain
from handler.cli.existing_log import open_to_read
from handler.cli.jobs.job_row import (
    STATES,
    asked_by,
    foreign_row,
    progress_listed,
    row_for_table,
    shown_job,
)
from handler.cli.listing import Listing, print_rows
from handler.cli.shared_options import audit_option, exit_on_log_error, format_option
from handler.errors import NightdropError
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.cli.jobs.job_row import Progress
    from handler.cloud.ief.client import ListedJob

_MOST = 10_000
_SLACK = timedelta(minutes=5)
_JOBS = Listing(
    ("name", "kind", "state", "progress", "asked by", "changed", "reason"),
    name="name",
    empty="No job matches.",
    optional=("progress", "changed", "asked by", "kind"),
)


@click.command("list")
@audit_option
@format_option
@click.option(
    *("--state", "states"),
    type=click.Choice(STATES, case_sensitive=False),
    metavar="STATE",
    multiple=True,
    help="Only this state, such as running, paused or failed.",
)
@click.option("--since", callback=time_option, help="Planned from this time (UTC) or age: 2h, 3d.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="Most.")
@click.option("--all", "with_others", is_flag=True, help="Also jobs at IEF that are not ours.")
def list_(  # noqa: PLR0913 - one argument per option
    address: str, output: str, states: Sequence[str], since: str, limit: int, *, with_others: bool
) -> None:
    """List jobs, the latest first: those of the log, with the progress of those that run at IEF.

    What IEF does not tell is left out, and a line on standard error says why: the log's part needs
    neither keys nor a network. Exit status: 0, or 2 if the log cannot be read.

    \b
      nightdrop jobs list --since 1d --state failed
      nightdrop jobs list --all -o json
    """
    with exit_on_log_error(), open_to_read(address) as log:
        jobs, by, ours = log.read(
            lambda view: _found(view, since, _MOST if states else limit, all_ids=with_others)
        )
    listed = _listed(jobs, since, with_others=with_others)
    rows = [shown_job(job, by[job.key], _progress(job, listed)) for job in jobs]
    if with_others:
        rows += [foreign_row(one) for job_id, one in listed.items() if job_id not in ours]
    rows = [row for row in rows if not states or row["state"] in states][:limit]
    print_rows(rows, _JOBS, output, shown=row_for_table, style=_style)


def _found(
    view: View, since: str, limit: int, *, all_ids: bool
) -> tuple[list[JobState], dict[str, str], set[str]]:
    """Return jobs, what asked for each by its key, and the ids of all jobs of the log."""
    jobs = [job for job in view.latest_jobs(limit) if job.planned_at >= since]
    ours = {job.job_id for job in view.latest_jobs(_MOST)} if all_ids else set()
    return jobs, {job.key: asked_by(view, job) for job in jobs}, ours


def _listed(jobs: Sequence[JobState], since: str, *, with_others: bool) -> Mapping[str, ListedJob]:
    """Return the jobs at IEF that the rows need; none, with a line of why, if it does not tell."""
    running = [job.planned_at for job in jobs if job.followed]
    if not (running or with_others):
        return {}
    from handler.cli.jobs.fleet import listed_since

    earliest = datetime.min.replace(tzinfo=timezone.utc)
    if since or not with_others:
        earliest = moment(min([*running, *([since] if since else [])])) - _SLACK
    try:
        return listed_since(earliest)
    except NightdropError as error:
        complain(f"IEF is not asked: {error}")
        return {}


def _progress(job: JobState, listed: Mapping[str, ListedJob]) -> Progress | None:
    found = listed.get(job.job_id)
    return progress_listed(found) if found else None


def _style(row: Mapping[str, object]) -> str:
    return "red" if row["state"] in WRONG else ""
