"""Jobs with a task for each target in a simulated run: they end within ten minutes, or time out.

A task succeeds, fails, succeeds after the ten minutes, or never ends; some jobs never report. That
each node is in one running job at a time is checked when a job is created.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from handler.cloud.ief.client import ShownJob
from handler.errors import ApiError
from handler.schedule.rollout_settings import JOB_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from tests.faults.simulation.services.simulated_fleet import Executed

OTHER_NODE = "n"
"""The node of jobs that are of no rollout."""

_ENDED = frozenset({"Successful", "Partially_successful", "Failed", "Timed_out"})
_NEEDED = {
    "StopBatchJob": frozenset({"Running"}),
    "RestoreBatchJob": frozenset({"Stopped"}),
    "RetryBatchJob": _ENDED - {"Successful"},
}


class Made(NamedTuple):
    """A job that was created for some targets, at a time in seconds since 1970.

    It is kept after the job was deleted.
    """

    job_id: str
    mark: str
    at: float
    targets: tuple[str, ...]


@dataclass
class _Work:
    """How a job stands: its tasks with the times at which they end, and how."""

    began: float
    tasks: dict[str, tuple[float, str]]
    is_silent: bool
    paused: float = 0.0

    @property
    def until(self) -> float:
        return self.began + JOB_SECONDS

    def task(self, target: str, now: float) -> str:
        at, end = self.tasks[target]
        if self.is_silent or at > now:
            return "Timed_out" if now >= self.until and not self.is_silent else "Running"
        return end

    def status(self, now: float) -> str:
        if self.paused:
            return "Stopped"
        if self.is_silent:
            return "Running"
        ends = Counter(self.task(one, min(now, self.until)) for one in self.tasks)
        if ends["Running"]:
            return "Running"
        if ends["Timed_out"]:
            return "Timed_out"
        if ends["Failed"]:
            return "Partially_successful" if ends["Successful"] else "Failed"
        return "Successful"

    def changed(self, now: float) -> float:
        if self.paused or self.status(now) == "Running":
            return self.paused or self.began
        last = max(at for at, _ in self.tasks.values())
        return min(last, self.until)


@dataclass
class TaskFleet:
    """What the fleet does with jobs whose tasks matter.

    Attributes:
        random: Draws what happens by chance, beside what the rest of a run is drawn from.
        failing: How often a task fails.
        slow: How often a task succeeds after the job's ten minutes, or never ends.
        executed: What operations the API executed.
        beside: Every job that was created, and the jobs that ran then.
    """

    random: Random
    failing: float
    slow: float
    executed: list[Executed] = field(default_factory=list)
    beside: list[tuple[Made, list[Made]]] = field(default_factory=list)
    _works: dict[str, _Work] = field(default_factory=dict)

    def create(self, made: Made) -> None:
        """Let a job of Nightdrop's begin, and note what runs beside it."""
        running = set(self.running(made.at))
        self.beside.append((made, [one for one in self.made if one.job_id in running]))
        self._begin(made.job_id, made.targets, made.at)

    @property
    def made(self) -> list[Made]:
        """Every job that was created."""
        return [made for made, _ in self.beside]

    def running(self, now: float) -> Iterator[str]:
        """Yield the ids of the jobs whose tasks run."""
        for job_id, work in self._works.items():
            if not work.paused and now < work.until and work.status(now) == "Running":
                yield job_id

    def shown(self, job_id: str, created: float, now: float) -> ShownJob:
        """Return a job as the API shows it."""
        work = self._work(job_id, created)
        return ShownJob(
            job_id,
            work.status(now),
            tuple((work.task(one, now), "") for one in work.tasks),
            updated_at=int(work.changed(now)),
            target_ids=tuple(work.tasks),
        )

    def operate(self, call: str, job_id: str, date: str, created: float, now: float) -> None:
        """Execute an operation.

        Raises:
            ApiError: The job's status does not allow it.
        """
        work = self._work(job_id, created)
        if work.status(now) not in _NEEDED.get(call, {work.status(now)}):
            raise ApiError(f"the job is {work.status(now)}", status=400, code="IEF.100409")
        self.executed.append((call, job_id, date))
        if call == "DeleteBatchJob":
            self.end(job_id)
        elif call == "StopBatchJob":
            self.stop(job_id, now)
        else:
            self._again(work, now)

    def stop(self, job_id: str, now: float) -> None:
        """Stop the tasks of a job that runs."""
        work = self._works.get(job_id)
        if work and work.status(now) == "Running":
            work.paused = now
            work.tasks = {
                one: (at, end) if at <= now else (inf, "Failed")
                for one, (at, end) in work.tasks.items()
            }

    def end(self, job_id: str) -> None:
        """Forget the tasks of a job that was deleted."""
        self._works.pop(job_id, None)

    def _again(self, work: _Work, now: float) -> None:
        """Let those tasks run once more that did not succeed."""
        left = [one for one in work.tasks if work.task(one, now) != "Successful"]
        work.began, work.paused = now, 0.0
        work.tasks |= self._drawn(left, now)

    def _work(self, job_id: str, created: float) -> _Work:
        if job_id not in self._works:
            self._begin(job_id, (OTHER_NODE,), created)
        return self._works[job_id]

    def _begin(self, job_id: str, targets: Sequence[str], now: float) -> None:
        is_silent = targets != (OTHER_NODE,) and self.random.random() < self.slow / 10
        self._works[job_id] = _Work(now, self._drawn(targets, now), is_silent)

    def _drawn(self, targets: Sequence[str], now: float) -> dict[str, tuple[float, str]]:
        return {one: self._end(now) for one in targets}

    def _end(self, now: float) -> tuple[float, str]:
        draw, chance = self.random.uniform, self.random.random()
        if chance < self.failing:
            return now + draw(1, JOB_SECONDS), "Failed"
        if chance < self.failing + self.slow:
            return now + self.random.choice((inf, draw(JOB_SECONDS, 2400))), "Successful"
        return now + draw(1, JOB_SECONDS), "Successful"
