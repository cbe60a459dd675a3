"""A batch job: its runs, and what they add up to at a given time.

IEF's page for ListBatchJob names the statuses and little more. Where it and the user guide are
silent or disagree, this is what was chosen:

    - `Stopping` and `Stopped` mean what the English words say: a job is Stopping until its tasks
      have ended or were cut off, then Stopped, and can be continued.
    - Only a Running job can be paused; one that waits is not Running.
    - A restored job begins again with the tasks that were cut off. Its 10 minutes go on where the
      pause began; those of a retried job begin anew.
    - A job that failed in part, in whole or for lack of time can be retried, as the user guide
      says; the API's page knows only the failed one.
    - Tasks of a job that timed out do not go on.
    - A job can be deleted in every state; what it has done by then stays done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handler.emulator.ief.job_run import (
    ENDED,
    FAILED,
    RUNNING,
    STOPPED,
    SUCCESSFUL,
    TIMED_OUT,
    WAITING,
    Progress,
    Run,
    progress,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from handler.emulator.ief.job_simulation import JobSimulation
    from handler.values.canonical_json import Json

STOPPING = "Stopping"
PARTLY = "Partially_successful"
_RETRIED = frozenset({FAILED, PARTLY, TIMED_OUT})


class StatusConflictError(Exception):
    """The job's status does not allow what was asked for."""


@dataclass(frozen=True)
class Job:
    """One batch job.

    Attributes:
        job_id: The id the service gave it.
        number: Its index in the order of creation, from 1.
        created: When it was created, in seconds since 1970.
        request: The body that created it, exactly as received.
        runs: Its runs so far; a task is as far as the last run that has it.
    """

    job_id: str
    number: int
    created: float
    request: dict[str, Json]
    runs: tuple[Run, ...] = ()

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.request["job_name"])

    @property
    def kind(self) -> str:
        """The job's type."""
        return str(self.request["job_type"])

    @property
    def content(self) -> dict[str, Json]:
        """The job's content."""
        content = self.request.get("job_content")
        return content if isinstance(content, dict) else {}

    @property
    def targets(self) -> list[dict[str, Json]]:
        """The job's targets, in their order."""
        found = self.content.get("targets")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def started(job: Job, simulation: JobSimulation, failing: AbstractSet[str]) -> Job:
    """Return a new job with its first run.

    Args:
        job: The job, without any run.
        simulation: How its tasks go.
        failing: Ids of targets whose tasks fail in any case.
    """
    targets = [(index, _target_id(target)) for index, target in enumerate(job.targets)]
    tasks = simulation.tasks(job.kind, f"{job.number}/0", targets, failing)
    return replace(job, runs=(simulation.run(job.created, tasks),))


def task_progress(job: Job, now: float) -> dict[int, Progress]:
    """Return how far each task is, by the index of its target."""
    found: dict[int, Progress] = {}
    for run in job.runs:
        found.update(progress(run, now))
    return dict(sorted(found.items()))


def status(job: Job, now: float) -> str:
    """Sum up the tasks; a job without any is done at once."""
    last, statuses = job.runs[-1], [one.status for one in task_progress(job, now).values()]
    if not ENDED.issuperset(statuses):
        if last.paused is not None:
            return STOPPING
        return WAITING if last.elapsed(now) < last.waiting else RUNNING
    for sooner in (TIMED_OUT, STOPPED):
        if sooner in statuses:
            return sooner
    if FAILED not in statuses:
        return SUCCESSFUL
    return PARTLY if SUCCESSFUL in statuses else FAILED


def last_change(job: Job, now: float) -> float:
    """Return when the status of the job or one of its tasks last changed."""
    run, elapsed = job.runs[-1], job.runs[-1].elapsed(now)
    changes = [one.since for one in task_progress(job, now).values()]
    changes += [run.moment(at) for at in (run.waiting, run.paused) if at and at <= elapsed]
    return max(changes, default=job.created)


def paused(job: Job, now: float) -> Job:
    """Return the job with no more tasks to begin.

    Raises:
        StatusConflictError: It is not running.
    """
    _need(job, now, frozenset({RUNNING}))
    last = job.runs[-1]
    return replace(job, runs=(*job.runs[:-1], replace(last, paused=last.elapsed(now))))


def restored(job: Job, now: float, simulation: JobSimulation) -> Job:
    """Return a stopped job with the tasks that were cut off started again.

    Raises:
        StatusConflictError: It is not stopped.
    """
    _need(job, now, frozenset({STOPPED}))
    last, found = job.runs[-1], task_progress(job, now)
    tasks = tuple(task for task in last.tasks if found[task.index].status == STOPPED)
    return replace(job, runs=(*job.runs, simulation.run(now, tasks, last.allowed - last.limit)))


def retried(job: Job, now: float, simulation: JobSimulation, failing: AbstractSet[str]) -> Job:
    """Return an ended job with the tasks that did not succeed started again.

    Raises:
        StatusConflictError: It has not failed, nor in part, nor for lack of time.
    """
    _need(job, now, _RETRIED)
    found = task_progress(job, now)
    targets = [
        (index, _target_id(target))
        for index, target in enumerate(job.targets)
        if found[index].status != SUCCESSFUL
    ]
    tasks = simulation.tasks(job.kind, f"{job.number}/{len(job.runs)}", targets, failing)
    return replace(job, runs=(*job.runs, simulation.run(now, tasks)))


def _need(job: Job, now: float, allowed: AbstractSet[str]) -> None:
    found = status(job, now)
    if found not in allowed:
        raise StatusConflictError(f"the job is {found}; it must be {' or '.join(sorted(allowed))}")


def _target_id(target: dict[str, Json]) -> str:
    return str(target.get("target_id", ""))
