"""States as rows of the tables that keep them, and back."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from handler.audit.job_end import shown_state
from handler.audit.state import UNSETTLED, DeliveryState, JobState

JOB_COLUMNS = tuple(field.name for field in fields(JobState))
"""The columns of `jobs` that a job is made of; two more follow from them."""

DELIVERY_COLUMNS = tuple(field.name for field in fields(DeliveryState) if field.name != "jobs")
"""The columns of `deliveries`."""

delivery_row = attrgetter(*DELIVERY_COLUMNS)
"""Returns a delivery as `PUT_DELIVERY` takes it."""


def job_row(job: JobState) -> tuple[object, ...]:
    """Return a job as `PUT_JOB` takes it."""
    values = {**vars(job), "doubtful": int(job.doubtful)}
    return (*map(values.__getitem__, JOB_COLUMNS), _todo(job), shown_state(job))


def _todo(job: JobState) -> str:
    if job.followed:
        return "follow"
    if job.state in UNSETTLED:
        return "settle"
    return "nothing" if job.final else "send"


def job_of(row: tuple[Any, ...]) -> JobState:
    """Return a job from a row with `JOB_COLUMNS`."""
    values = dict(zip(JOB_COLUMNS, row, strict=True))
    return JobState(**{**values, "doubtful": bool(values["doubtful"])})
