"""IEF as a command asks it about jobs: for a few seconds, and never needed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from handler.cli.open_cloud import open_cloud
from handler.cloud.http_transport import NOT_FOUND
from handler.errors import ApiError, NightdropError
from handler.jobs.effect_runner import list_jobs
from handler.jobs.effects import ListJobs
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.cloud.ief.client import ListedJob, ShownJob

SECONDS = 5.0
"""How long a command waits for IEF."""


def listed_since(since: datetime) -> dict[str, ListedJob]:
    """Return the jobs at IEF that were created since a moment, by their ids.

    Raises:
        NightdropError: They cannot be listed.
    """
    deadline = Deadline(time.monotonic() + SECONDS, time.monotonic)
    with open_cloud(SECONDS) as cloud:
        listing = list_jobs(cloud.ief, ListJobs("", since), deadline)
    return {job.job_id: job for job in listing.jobs}


def shown_jobs(job_ids: Sequence[str]) -> tuple[dict[str, ShownJob], str]:
    """Return jobs as IEF shows them, by their ids, and why it does not; "" if it does.

    Jobs that IEF does not know are left out.
    """
    shown: dict[str, ShownJob] = {}
    if not any(job_ids):
        return shown, ""
    try:
        with open_cloud(SECONDS) as cloud:
            for job_id in filter(None, job_ids):
                try:
                    shown[job_id] = cloud.ief.show_job(job_id)
                except ApiError as error:
                    if error.status != NOT_FOUND:
                        raise
    except NightdropError as error:
        return shown, f"IEF is not asked: {error}"
    return shown, ""
