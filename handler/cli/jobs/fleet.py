"""IEF as a command asks it about jobs: for a few seconds, and never needed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from handler.cli.configuration.environment import cloud_environment
from handler.cloud.credentials import credentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief
from handler.errors import ApiError, NightdropError
from handler.jobs.effect_runner import list_jobs
from handler.jobs.effects import ListJobs
from handler.jobs.operation_decisions import NOT_FOUND
from handler.runtime.deadline import Deadline
from handler.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cloud.ief.client import ListedJob, ShownJob

SECONDS = 5.0
"""How long a command waits for IEF."""


@contextmanager
def open_ief() -> Iterator[Ief]:
    """Open IEF with the command's settings and keys.

    Raises:
        SettingsError: A setting is missing or wrong.
        CredentialsError: There are no keys.
    """
    environ = cloud_environment()
    settings = load(lambda _name: None, environ)
    transport = Transport(timeout=min(settings.request_timeout, SECONDS))
    try:
        yield Ief(
            settings.ief_endpoint,
            settings.project_id,
            credentials(None, environ),
            transport,
            lambda: datetime.now(timezone.utc),
            settings.ief_instance,
            _deadline(),
        )
    finally:
        transport.close()


def listed_since(since: datetime) -> dict[str, ListedJob]:
    """Return the jobs at IEF that were created since a moment, by their ids.

    Raises:
        NightdropError: They cannot be listed.
    """
    with open_ief() as ief:
        listing = list_jobs(ief, ListJobs("", since), _deadline())
    return {job.job_id: job for job in listing.jobs}


def shown_jobs(job_ids: Sequence[str]) -> tuple[dict[str, ShownJob], str]:
    """Return jobs as IEF shows them, by their ids, and why it does not; "" if it does.

    Jobs that IEF does not know are left out.
    """
    shown: dict[str, ShownJob] = {}
    if not any(job_ids):
        return shown, ""
    try:
        with open_ief() as ief:
            for job_id in filter(None, job_ids):
                with _not_found_ignored():
                    shown[job_id] = ief.show_job(job_id)
    except NightdropError as error:
        return shown, f"IEF is not asked: {error}"
    return shown, ""


@contextmanager
def _not_found_ignored() -> Iterator[None]:
    """Ignore that IEF does not know a job."""
    try:
        yield
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise


def _deadline() -> Deadline:
    return Deadline(time.monotonic() + SECONDS, time.monotonic)
