"""A batch job: its runs, and its status at a given time.

IEF's page for ListBatchJob names the statuses and little more. Where it and the user guide are
silent or disagree, these rules were chosen:

    - A paused job is `Stopping` until its tasks have ended or were interrupted, then `Stopped`; it
      can be restored.
    - Only a Running job can be paused, not a Waiting one.
    - A restored job restarts the tasks that were interrupted. Its 10 minutes continue where the
      pause began; those of a retried job start over.
    - A job that failed, partially succeeded or timed out can be retried, as the user guide says;
      the API page names only the failed one.
    - Tasks of a job that timed out do not continue.
    - A job can be deleted in every status; what it has done stays in effect.
    - A task may succeed after it has failed or timed out; its job's status changes with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from handler.emulator.ief.run import (
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

    from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
    from handler.values.canonical_json import Json

STOPPING = "Stopping"
PARTLY = "Partially_successful"
_RETRIED = frozenset({FAILED, PARTLY, TIMED_OUT})


class StatusConflictError(Exception):
    """The job's status does not allow the operation."""


@dataclass(frozen=True)
class Job:
    """One batch job.

    Attributes:
        job_id: The id the service gave it.
        number: Its number in the order of creation, from 1.
        created: When it was created, in seconds since 1970.
        request: The body that created it, exactly as received.
        runs: Its runs so far; the last run that has a task decides its status.
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

    @cached_property
    def targets(self) -> list[dict[str, Json]]:
        """The job's targets, in their order."""
        found = self.content.get("targets")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def task_data(self) -> str:
        """The job's task data, which is JSON; "" if it has none."""
        return str(self.content.get("task_data", ""))

    @cached_property
    def task_ids(self) -> tuple[str, ...]:
        """The ids of its tasks, in the order of its targets."""
        job_id = UUID(self.job_id)
        return tuple(str(uuid5(job_id, f"task-{index}")) for index in range(len(self.targets)))

    def target_id(self, index: int) -> str:
        """Return the id of a target."""
        return str(self.targets[index].get("target_id", ""))


def started(job: Job, simulation: JobSimulation, conditions: JobConditions) -> Job:
    """Return a new job with its first run."""
    targets = [(index, job.target_id(index)) for index in range(len(job.targets))]
    tasks = simulation.tasks(job.kind, f"{job.number}/0", targets, conditions, now=job.created)
    return replace(job, runs=(simulation.run(job.created, tasks, conditions),))


def task_progress(job: Job, now: float) -> dict[int, Progress]:
    """Return the progress of each task, by the index of its target."""
    found: dict[int, Progress] = {}
    for run in job.runs:
        found.update(progress(run, now))
    return dict(sorted(found.items()))


def status(job: Job, now: float) -> str:
    """Return the job's status; a job without tasks is successful at once."""
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


def unchanging(job: Job) -> float:
    """Return when no task can change its status any more by itself, in seconds since 1970."""
    return max(run.unchanging for run in job.runs)


def last_change(job: Job, now: float) -> float:
    """Return when the status of the job or one of its tasks last changed."""
    run, elapsed = job.runs[-1], job.runs[-1].elapsed(now)
    changes = [one.since for one in task_progress(job, now).values()]
    changes += [run.moment(at) for at in (run.waiting, run.paused) if at and at <= elapsed]
    return max(changes, default=job.created)


def paused(job: Job, now: float) -> Job:
    """Return a running job, paused: no further task starts.

    Raises:
        StatusConflictError: It is not running.
    """
    _need(job, now, frozenset({RUNNING}))
    last = job.runs[-1]
    return replace(job, runs=(*job.runs[:-1], replace(last, paused=last.elapsed(now))))


def restored(job: Job, now: float, simulation: JobSimulation, conditions: JobConditions) -> Job:
    """Return a stopped job with the interrupted tasks restarted.

    Raises:
        StatusConflictError: It is not stopped.
    """
    _need(job, now, frozenset({STOPPED}))
    last, found = job.runs[-1], task_progress(job, now)
    tasks = tuple(
        simulation.reachable(task, conditions.node_id(job.target_id(task.index)), now)
        for task in last.tasks
        if found[task.index].status == STOPPED
    )
    run = simulation.run(now, tasks, conditions, last.allowed - last.limit)
    return replace(job, runs=(*job.runs, run))


def retried(job: Job, now: float, simulation: JobSimulation, conditions: JobConditions) -> Job:
    """Return an ended job with the unsuccessful tasks restarted.

    Raises:
        StatusConflictError: It has not failed, partially succeeded or timed out.
    """
    _need(job, now, _RETRIED)
    found = task_progress(job, now)
    targets = [
        (index, job.target_id(index))
        for index in range(len(job.targets))
        if found[index].status != SUCCESSFUL
    ]
    draw = f"{job.number}/{len(job.runs)}"
    tasks = simulation.tasks(job.kind, draw, targets, conditions, now=now)
    return replace(job, runs=(*job.runs, simulation.run(now, tasks, conditions)))


def _need(job: Job, now: float, allowed: AbstractSet[str]) -> None:
    found = status(job, now)
    if found not in allowed:
        raise StatusConflictError(f"the job is {found}; it must be {' or '.join(sorted(allowed))}")
