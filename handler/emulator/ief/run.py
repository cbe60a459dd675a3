"""One run of a job's tasks: when each starts and ends, and how it stands at a given time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

WAITING = "Waiting"
RUNNING = "Running"
SUCCESSFUL = "Successful"
FAILED = "Failed"
STOPPED = "Stopped"
TIMED_OUT = "Timed_out"
ENDED = frozenset({SUCCESSFUL, FAILED, STOPPED, TIMED_OUT})

OVERDUE = "the job's 10 minutes were over"
OUT_OF_REACH = "the edge node was out of reach until the job's 10 minutes were over"


@dataclass(frozen=True)
class Task:
    """One task of a run, with its outcome.

    Attributes:
        index: The index of its target in the job, from 0.
        seconds: Job seconds it takes.
        reason: Why it fails at its end; "" if it succeeds.
        reachable: Whether it can start at all.
        away: Job seconds from the run's start until its node is in reach.
        late: Job seconds from its end until it is shown as successful, if it has failed or timed
            out; 0 if it never is.
    """

    index: int
    seconds: float
    reason: str = ""
    reachable: bool = True
    away: float = 0.0
    late: float = 0.0


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

    @cached_property
    def starts(self) -> tuple[float | None, ...]:
        """When each task starts, in job seconds since the start; None for those that cannot."""
        free_at = [self.waiting] * self.parallelism
        starts: dict[int, float] = {}
        for task in sorted(self.tasks, key=lambda task: task.away):
            if task.reachable:
                starts[task.index] = max(heapq.heappop(free_at), task.away)
                heapq.heappush(free_at, starts[task.index] + task.seconds)
        return tuple(starts.get(task.index) for task in self.tasks)

    @cached_property
    def busy_until(self) -> float:
        """When its last task ends or is interrupted, in seconds since 1970."""
        last_start = self.allowed if self.paused is None else min(self.paused, self.allowed)
        ends = (
            min(start + task.seconds, self.limit)
            for task, start in zip(self.tasks, self.starts, strict=True)
            if start is not None and start <= last_start
        )
        return self.moment(max(ends, default=0.0))

    @property
    def most_tasks(self) -> int:
        """How many of its tasks run at the same time, at most."""
        return min(self.parallelism, sum(task.reachable for task in self.tasks))

    @property
    def unchanging(self) -> float:
        """When no task can change its status any more, in seconds since 1970."""
        late = (
            start + task.seconds + task.late
            for task, start in zip(self.tasks, self.starts, strict=True)
            if task.late and start is not None
        )
        return self.moment(max(self.limit, *late, 0.0))


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
    elapsed = run.elapsed(now)
    return {
        task.index: _progress(run, task, start, elapsed)
        for task, start in zip(run.tasks, run.starts, strict=True)
    }


def _progress(run: Run, task: Task, start: float | None, elapsed: float) -> Progress:
    last_start = run.allowed if run.paused is None else min(run.paused, run.allowed)
    if start is None or start > last_start:
        return _never_started(run, task, elapsed)
    end = start + task.seconds
    in_time = end <= run.limit
    if task.late and elapsed >= end + task.late and (in_time or run.limit >= run.allowed):
        return Progress(SUCCESSFUL, run.moment(end + task.late))
    if in_time and end <= elapsed:
        return Progress(FAILED if task.reason else SUCCESSFUL, run.moment(end), task.reason)
    if elapsed >= run.limit:
        return _cut_off(run, OVERDUE)
    if elapsed >= start:
        return Progress(RUNNING, run.moment(start))
    return Progress(WAITING, run.started)


def _never_started(run: Run, task: Task, elapsed: float) -> Progress:
    if elapsed < run.limit:
        return Progress(WAITING, run.started)
    away = not task.reachable or task.away >= run.limit
    return _cut_off(run, OUT_OF_REACH if away else OVERDUE)


def _cut_off(run: Run, reason: str) -> Progress:
    at = run.moment(run.limit)
    return Progress(STOPPED, at) if run.limit < run.allowed else Progress(TIMED_OUT, at, reason)
