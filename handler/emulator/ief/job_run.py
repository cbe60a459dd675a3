"""One run of a job's tasks; the progress of each is a function of the time.

    started ──waiting──► tasks, some in parallel ──► all ended
      │                    │
      │                    ├─ paused: none starts any more; those that do not end within the grace
      │                    │          period are interrupted: Stopped
      └────── allowed ─────┴─ over: tasks that have not ended are Timed_out

Times within a run are in job seconds since its start; `speed` of them pass in a real second.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

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
    """The progress of one task.

    Attributes:
        status: Its status.
        since: When it took on that status, in seconds since 1970.
        reason: Why it did not succeed, or "".
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
