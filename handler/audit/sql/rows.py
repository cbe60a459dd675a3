"""States as rows of their tables, and rows as states."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from handler.audit.job_end import shown_state
from handler.audit.job_state import UNSETTLED, JobState
from handler.audit.state import DeliveryState

JOB_COLUMNS = tuple(field.name for field in fields(JobState))
"""The columns of `jobs` with the fields of a job."""

JOB_ROW = (*JOB_COLUMNS, "todo", "shown")
"""All columns of `jobs`; the last two follow from the others."""

DELIVERY_COLUMNS = tuple(field.name for field in fields(DeliveryState) if field.name != "jobs")
"""The columns of `deliveries`."""

delivery_row = attrgetter(*DELIVERY_COLUMNS)
"""Returns the values of a delivery for `PUT_DELIVERY`."""


def job_row(job: JobState) -> tuple[object, ...]:
    """Return the values of a job for `PUT_JOB`."""
    values = {**vars(job), "doubtful": int(job.doubtful), "paused": int(job.paused)}
    return (*map(values.__getitem__, JOB_COLUMNS), _todo(job), shown_state(job))


def _todo(job: JobState) -> str:
    if job.operation:
        return "operate"
    if job.followed:
        return "follow"
    if job.state in UNSETTLED:
        return "settle"
    return "nothing" if job.final else "send"


def job_from_row(row: tuple[Any, ...]) -> JobState:
    """Return the job of a row with `JOB_COLUMNS`."""
    values = dict(zip(JOB_COLUMNS, row, strict=True))
    flags = {name: bool(values[name]) for name in ("doubtful", "paused")}
    return JobState(**{**values, **flags})
