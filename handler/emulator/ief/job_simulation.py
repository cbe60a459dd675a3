"""Simulates the tasks of jobs: how long they take and which fail; repeatable by its seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from handler.emulator.ief.fleet import Behaviour, Fleet
from handler.emulator.ief.run import Run, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet


_ALLOWED = 600.0
"""Job seconds a job may take, including its waiting: IEF's 10 minutes."""

_LATE_SECONDS = (60.0, 1800.0)
"""Job seconds after which a late task is shown as successful: from, to."""

_ORDINARY = Behaviour()

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
class JobConditions:
    """What a job meets when it starts.

    Attributes:
        failing: The ids of targets whose tasks fail in any case.
        hosts: The ids of the nodes of deployments, by the ids of these.
        runs: The latest runs of the other jobs.
    """

    failing: AbstractSet[str] = frozenset()
    hosts: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[Run] = ()

    def node_id(self, target: str) -> str:
        """Return the id of the node that a target is, or runs on."""
        return self.hosts.get(target, target)


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

    def run(
        self,
        started: float,
        tasks: tuple[Task, ...],
        conditions: JobConditions,
        allowed: float = _ALLOWED,
    ) -> Run:
        """Return a run of some tasks, started at a time in seconds since 1970.

        If the fleet has a limit, it waits until the runs before it leave enough of it.
        """
        quarter = self.job_seconds / 4
        run = Run(started, self.speed, quarter, self.parallelism, allowed, quarter, tasks)
        most = self.fleet.parallelism
        if not most:
            return run
        run = replace(run, parallelism=min(self.parallelism, most))
        free = most - run.most_tasks
        before = [one for one in conditions.runs if one.busy_until > started]
        before.sort(key=lambda one: one.busy_until, reverse=True)
        used = accumulate(one.most_tasks for one in before)
        over = (one for one, tasks in zip(before, used, strict=True) if tasks > free)
        first = next(over, None)
        waiting = run.elapsed(first.busy_until) if first else 0.0
        return replace(run, waiting=max(quarter, waiting))

    def tasks(
        self,
        kind: str,
        draw: str,
        targets: Iterable[tuple[int, str]],
        conditions: JobConditions,
        *,
        now: float = 0.0,
    ) -> tuple[Task, ...]:
        """Choose the outcome of each task.

        The task of an UNCONNECTED node waits until the job's time is over, as the node may come
        back; in any other state but RUNNING the task fails as soon as it starts. `draw` names the
        random choice: the same job and attempt have the same outcome again. The tasks start at
        `now`, in seconds since 1970.
        """
        return tuple(
            self.reachable(
                self._task(kind, f"{self.seed}/{draw}/{index}", index, target, conditions),
                conditions.node_id(target),
                now,
            )
            for index, target in targets
        )

    def fleet_time(self, now: float) -> float:
        """Convert seconds since 1970 to seconds of the fleet's time."""
        return now * self.speed

    def reachable(self, task: Task, node_id: str, now: float) -> Task:
        """Return a task with how long its node is out of reach from now on."""
        node = self.fleet.node(node_id)
        away = node.seconds_away(self.fleet_time(now)) if node else 0.0
        if away == math.inf:
            return replace(task, reachable=False)
        return replace(task, away=away) if away != task.away else task

    def _task(
        self, kind: str, draw: str, index: int, target: str, conditions: JobConditions
    ) -> Task:
        chance = Random(draw)  # noqa: S311 - to repeat runs
        longest = self.job_seconds * 3 / 4
        seconds = longest * (0.6 + 0.4 * chance.random())
        reasons = _REASONS.get(kind, _REASONS["deployment_deploy"])
        failure, reason = chance.random(), chance.choice(reasons)
        node = self.fleet.node(conditions.node_id(target))
        if target in conditions.failing:
            return Task(index, seconds, FAILING_TARGET)
        if kind != _ABOUT_DEPLOYMENTS and self.fleet.lacks(target):
            return Task(index, 0.0, UNKNOWN_TARGET)
        if node and node.state in _BY_STATE:
            return Task(index, 0.0, _BY_STATE[node.state])
        behaviour = node.behaviour if node else _ORDINARY
        if behaviour.median:
            seconds = behaviour.median * math.exp(chance.gauss(0, behaviour.deviation))
        failing_share = self.failure_rate if behaviour.failing is None else behaviour.failing
        if failure < failing_share:
            return Task(index, seconds, reason)
        if chance.random() < behaviour.late:
            return Task(index, seconds, reason, late=chance.uniform(*_LATE_SECONDS))
        return Task(index, seconds)
