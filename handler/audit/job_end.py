"""How a job ended on the fleet, and the one word for it that people are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.audit.job_state import DEAD, DELETED, JobWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState

EndWord: TypeAlias = Literal[
    "paused", "succeeded", "partly failed", "failed", "deleted", "end unknown"
]
ShownWord: TypeAlias = Literal[JobWord, EndWord]

SUCCESSFUL = "Successful"
"""How the API names a success, of a job and of a task."""

STOPPED = "Stopped"
"""How the API names a job that was paused."""

ENDED = frozenset({SUCCESSFUL, "Partially_successful", "Failed", STOPPED, "Timed_out"})
"""Statuses after which the API changes a job no more (list page of the batch jobs)."""

FAILED: frozenset[ShownWord] = frozenset({"partly failed", "failed", "end unknown"})
"""What is shown of a job that was created, and did not do on the fleet what was asked."""

WRONG: frozenset[ShownWord] = FAILED | DEAD | {"duplicated"}
"""What is shown of a job that a person must look at."""

_MOST_REASONS = 3


def shown_state(job: JobState) -> ShownWord:
    """Return the one word that replies, tables, result files and views show for a job.

    It is the job's state until its end on the fleet is known, and then that end; `paused` while
    it is. Decisions go by `JobState.state`, never by this.
    """
    return "paused" if job.paused else shown_word(job.state, job.finished, job.succeeded)


def shown_word(state: JobWord, finished: str, succeeded: int) -> ShownWord:
    """Return what `shown_state` does, from a job's columns."""
    if not finished:
        return state
    if finished == DELETED:
        return "deleted"
    if finished not in ENDED:
        return "end unknown"
    if finished == SUCCESSFUL:
        return "succeeded"
    return "partly failed" if succeeded else "failed"


def went_wrong(job: JobState) -> bool:
    """Return whether a person must look at a job."""
    return shown_state(job) in WRONG


def reasons(jobs: Sequence[JobState]) -> str:
    """Return the reasons of jobs' states in brackets, each once; "" if there are none."""
    notes = sorted({job.note for job in jobs if job.note})
    more = "; …" if len(notes) > _MOST_REASONS else ""
    return f" ({'; '.join(notes[:_MOST_REASONS])}{more})" if notes else ""


def failure_sentence(job: JobState) -> str:
    """Return a sentence about a job that went wrong or that was deleted: what, and why."""
    state, why = shown_state(job), f": {job.note}" if job.note else ""
    if state in DEAD:
        return f"job {job.name} {'' if state == 'expired' else 'was '}{state}{why}"
    if state in FAILED or state == "deleted":
        verb = {"deleted": "was deleted", "end unknown": "has no known end"}.get(state, state)
        tasks = f", {job.succeeded} of {job.tasks} tasks succeeded" if job.tasks else ""
        return f"job {job.name} {verb} on the fleet{tasks}{why}"
    return f"job {job.name}{why}"
