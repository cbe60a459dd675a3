"""A job as a row: what the log has of it, and what IEF shows of it right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from handler.audit.job_end import ENDED, EndWord, shown_state, shown_word
from handler.audit.job_state import JobWord
from handler.cli.audit.records.record_row import format_time
from handler.jobs.operations import OPERATIONS
from handler.values.canonical_json import short_key
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.audit.rollouts.state import RolloutState
    from handler.cloud.ief.client import ListedJob, ShownJob


STATES: tuple[str, ...] = (
    *("running", "waiting", "stopping"),
    *(operation.claimed.removeprefix("job.") for operation in OPERATIONS.values()),
    *get_args(JobWord),
    *get_args(EndWord),
)
"""Every word that `state_word` has for a job."""


class Progress(NamedTuple):
    """How far a job is at IEF: its status, and how many of its tasks ended how."""

    status: str
    tasks: int
    succeeded: int
    failed: int

    @property
    def is_over(self) -> bool:
        """Whether the job has ended."""
        return self.status in ENDED

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.succeeded} of {self.tasks}{failed}" if self.tasks else ""


def progress_listed(job: ListedJob) -> Progress:
    """Return the progress of a listed job, by the list's own counters."""
    return Progress(job.status, job.tasks, job.succeeded, job.failed)


def progress_shown(job: ShownJob) -> Progress:
    """Return the progress of a job that is shown, counted from its tasks."""
    failed = sum(status in {"Failed", "Timed_out"} for status, _ in job.tasks)
    return Progress(job.status, len(job.tasks), job.succeeded, failed)


def progress_of(job: JobState) -> Progress:
    """Return the progress of a job as the log has it: once it ended, how."""
    failed = job.tasks - job.succeeded if job.finished else 0
    return Progress(job.finished, job.tasks, job.succeeded, failed)


def shown_job(job: JobState, asked_by: str, progress: Progress | None = None) -> dict[str, object]:
    """Return a job of the log as a row.

    Args:
        job: Its state.
        asked_by: What asked for it, as `asked_by` says.
        progress: What IEF shows of it now, if it was asked.
    """
    known = progress if progress and job.followed else progress_of(job)
    return {
        "name": job.name,
        "kind": job.type,
        "state": state_word(job, progress),
        "progress": str(known),
        "asked by": asked_by,
        "changed": job.changed_at,
        "reason": job.note,
        "job_id": job.job_id,
        "key": short_key(job.key),
    }


def foreign_row(job: ListedJob) -> dict[str, object]:
    """Return a job at IEF that is not in the log as a row."""
    progress = progress_listed(job)
    return {
        "name": job.name,
        "kind": job.type,
        "state": fleet_word(progress),
        "progress": str(progress),
        "asked by": "others",
        "changed": "",
        "reason": job.description,
        "job_id": job.job_id,
        "key": "",
    }


def row_for_table(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as a table shows it: times to the second, of the reason the first line."""
    reason = str(row["reason"]).partition("\n")[0]
    return {**row, "changed": format_time(row["changed"]), "reason": reason}


def state_word(job: JobState, progress: Progress | None) -> str:
    """Return the one word for a job: a claimed operation, IEF's status while it runs, its state."""
    if job.operation:
        return OPERATIONS[job.operation].claimed.removeprefix("job.")
    if progress and job.followed and not job.paused:
        return fleet_word(progress) or shown_state(job)
    return shown_state(job)


def asked_by(view: View, asked: JobState | RolloutState) -> str:
    """Return what asked for a job or rollout: a timer, a file, or whoever invoked the function."""
    delivery = view.delivery(asked.delivery)
    if delivery is None:
        return ""
    if delivery.trigger == "timer":
        return f"timer {delivery.subject.removeprefix('timer:').rpartition(':')[0]}"
    return delivery.subject.rpartition("/")[2] if delivery.trigger == "object" else "a call"


def fleet_word(progress: Progress) -> str:
    """Return the one word for the progress of a job at IEF; "" if its status is not known."""
    if progress.is_over:
        return shown_word("created", progress.status, progress.succeeded)
    return progress.status.lower().replace("_", " ")
