"""Simulates the tasks of jobs: how long they take and which fail; repeatable by its seed."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from handler.emulator.ief.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet


WAITING = "Waiting"
RUNNING = "Running"
SUCCESSFUL = "Successful"
FAILED = "Failed"
STOPPED = "Stopped"
TIMED_OUT = "Timed_out"
ENDED = frozenset({SUCCESSFUL, FAILED, STOPPED, TIMED_OUT})

OVERDUE = "the job's 10 minutes were over"
OUT_OF_REACH = "the edge node was out of reach until the job's 10 minutes were over"

_ALLOWED = 600.0
"""Job seconds a job may take, including its waiting: IEF's 10 minutes."""

FAILING_TARGET = "the edge node did not answer"
UNKNOWN_TARGET = "there is no edge node or node group with this id"
_ABOUT_DEPLOYMENTS = "deployment_upgrade"
_REASONS = {
    "node_upgrade": (
        "the installation package could not be downloaded",
        "EdgeCore did not come back after the upgrade; the old version runs again",
        "there is no space left on the edge node's disk",
    ),
    "deployment_deploy": (
        "the image could not be pulled: connection timed out",
        "the container exited right after its start",
        "the edge node has not enough memory left",
    ),
}
_BY_STATE = {
    "FAIL": "the edge node is in state FAIL",
    "STOPPED": "the edge node is stopped",
    "UPGRADING": "the edge node is being upgraded",
    "FREEZE": "the edge node is frozen",
}


@dataclass(frozen=True)
class Task:
    """One task of a run, with its outcome.

    Attributes:
        index: The index of its target in the job, from 0.
        seconds: Job seconds it takes.
        reason: Why it fails at its end; "" if it succeeds.
        reachable: Whether it can start at all.
    """

    index: int
    seconds: float
    reason: str = ""
    reachable: bool = True


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        started: When it started, in seconds since 1970.
        speed: Job seconds in a real second.
        waiting: Job seconds before the first task starts.
        parallelism: Tasks that run at the same time, at most.
        allowed: Job seconds it may take, including `waiting`.
        grace: Job seconds from a pause until unfinished tasks are interrupted.
        tasks: Its tasks, in the order they start.
        paused: When it was paused, in job seconds since its start; None if it was not.
    """

    started: float
    speed: float
    waiting: float
    parallelism: int
    allowed: float
    grace: float
    tasks: tuple[Task, ...]
    paused: float | None = None

    @property
    def limit(self) -> float:
        """When it ends at the latest, in job seconds since its start."""
        return self.allowed if self.paused is None else min(self.allowed, self.paused + self.grace)

    def elapsed(self, now: float) -> float:
        """Return the job seconds since its start."""
        return (now - self.started) * self.speed

    def moment(self, seconds: float) -> float:
        """Convert job seconds since its start to seconds since 1970."""
        return self.started + seconds / self.speed


@dataclass(frozen=True)
class Progress:
    """The progress of one task: its status `since` a time in seconds since 1970.

    `reason` says why it did not succeed, or is "".
    """

    status: str
    since: float
    reason: str = ""


def progress(run: Run, now: float) -> dict[int, Progress]:
    """Return the progress of each task of a run, by the index of its target."""
    free_at = [run.waiting] * run.parallelism
    found: dict[int, Progress] = {}
    for task in run.tasks:
        start = None
        if task.reachable:
            start = heapq.heappop(free_at)
            heapq.heappush(free_at, start + task.seconds)
        found[task.index] = _progress(run, task, start, run.elapsed(now))
    return found


def _progress(run: Run, task: Task, start: float | None, elapsed: float) -> Progress:
    last_start = run.allowed if run.paused is None else min(run.paused, run.allowed)
    begins = start is not None and start <= last_start
    end = (start or 0.0) + task.seconds
    if begins and end <= min(elapsed, run.limit):
        return Progress(FAILED if task.reason else SUCCESSFUL, run.moment(end), task.reason)
    if elapsed >= run.limit:
        if run.limit < run.allowed:
            return Progress(STOPPED, run.moment(run.limit))
        reason = OVERDUE if task.reachable else OUT_OF_REACH
        return Progress(TIMED_OUT, run.moment(run.limit), reason)
    if begins and start is not None and elapsed >= start:
        return Progress(RUNNING, run.moment(start))
    return Progress(WAITING, run.started)


@dataclass(frozen=True)
class JobSimulation:
    """Simulates the tasks of jobs.

    IEF does not document how long a job waits and how many of its tasks run at once. Here it waits
    a quarter of `job_seconds` and each task takes at most the rest, so a job with no more tasks
    than `parallelism` ends within `job_seconds`.

    Attributes:
        fleet: The nodes that tasks may be about. A target that is not among them
            succeeds, unless the fleet is complete: then its task fails.
        job_seconds: Job seconds that a job takes whose tasks all run at once.
        speed: Job seconds in a real second.
        parallelism: Tasks of a job that run at the same time, at most.
        failure_rate: Probability that a task fails, from 0 to 1.
        seed: Seed of the random choices.
    """

    fleet: Fleet = field(default_factory=Fleet)
    job_seconds: float = 2.0
    speed: float = 1.0
    parallelism: int = 10
    failure_rate: float = 0.0
    seed: int = 0

    def run(self, started: float, tasks: tuple[Task, ...], allowed: float = _ALLOWED) -> Run:
        """Return a run of some tasks, started at a time in seconds since 1970."""
        quarter = self.job_seconds / 4
        return Run(started, self.speed, quarter, self.parallelism, allowed, quarter, tasks)

    def tasks(
        self,
        kind: str,
        draw: str,
        targets: Iterable[tuple[int, str]],
        failing: AbstractSet[str] = frozenset(),
    ) -> tuple[Task, ...]:
        """Choose the outcome of each task; those of the targets in `failing` fail in any case.

        The task of an UNCONNECTED node waits until the job's time is over, as the node may come
        back; in any other state but RUNNING the task fails as soon as it starts. `draw` names the
        random choice: the same job and attempt have the same outcome again.
        """
        return tuple(
            self._task(kind, f"{self.seed}/{draw}/{index}", index, target, failing)
            for index, target in targets
        )

    def _task(
        self, kind: str, draw: str, index: int, target: str, failing: AbstractSet[str]
    ) -> Task:
        chance = Random(draw)  # noqa: S311 - to repeat runs
        longest = self.job_seconds * 3 / 4
        seconds = longest * (0.6 + 0.4 * chance.random())
        reasons = _REASONS.get(kind, _REASONS["deployment_deploy"])
        fails, reason = chance.random() < self.failure_rate, chance.choice(reasons)
        node = self.fleet.node(target)
        if target in failing:
            return Task(index, seconds, FAILING_TARGET)
        if kind != _ABOUT_DEPLOYMENTS and self.fleet.lacks(target):
            return Task(index, 0.0, UNKNOWN_TARGET)
        if node and node.state in _BY_STATE:
            return Task(index, 0.0, _BY_STATE[node.state])
        reachable = node is None or node.state != "UNCONNECTED"
        return Task(index, seconds, reason if fails else "", reachable=reachable)
