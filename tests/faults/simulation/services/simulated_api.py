"""The fleet's API in simulated time: what it may do to a request, and what it lists.

It is as unhelpful as its documentation allows: no idempotency key, a list that lags, names that
may or may not have to be unique, errors before and after the job was created. One thing holds: a
signature older than 900 s is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from handler.cloud.ief.client import ListedJob, ShownJob
from handler.errors import ApiError, NoAnswerError
from handler.jobs.effects import Gone
from handler.values.canonical_json import moment
from tests.faults.simulation.services.simulated_tasks import Made, TaskFleet

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from tests.faults.simulation.services.simulated_fleet import Fleet

FENCE = 900.0
"""Seconds after its date at which the gateway refuses a signature."""

_BEFORE: tuple[tuple[str, int, str], ...] = (
    ("429", 429, ""),
    ("403", 403, ""),
    ("401", 401, ""),
    ("quota", 400, "the quota is used up"),
    ("408 before", 408, ""),
    ("500 before", 500, ""),
    ("503 before", 503, ""),
)
_AFTER: tuple[tuple[str, int, str], ...] = (
    ("408 after", 408, ""),
    ("502 after", 502, ""),
    ("504 after", 504, ""),
    ("500 after, about a quota", 500, "the quota service did not answer"),
)


@dataclass(frozen=True)
class Habits:
    """What the API does in one run.

    Attributes:
        trouble: How often a call meets an error that passes.
        refusing: How often it finally refuses a job, whoever asks again.
        unique_names: Whether it refuses a name that it has already.
        lag: For how many seconds at most a new job is not listed.
        page: How many jobs it lists at once, at most.
        oldest_first: Whether it lists in that order, whatever it was asked for.
        dateless: Whether its list leaves out when a job was created.
    """

    trouble: float
    refusing: float
    unique_names: bool
    lag: float
    page: int
    oldest_first: bool = False
    dateless: bool = False


@dataclass
class SimulatedApi:
    """The API with its jobs.

    Attributes:
        random: Draws everything that happens by chance.
        habits: What it does in this run.
        clock: The API's own time, aware.
        struck: Counts every fault by its name.
        calm: Whether nothing goes wrong any more.
        jobs: All jobs in the order of their creation, each with the time it is listed from.
        refused: The descriptions of jobs that it finally refused.
        deleted: The ids of jobs that others deleted.
        stopped: The ids of jobs that others stopped.
        fails: Whether a job fails on the fleet, by its id.
        fleet: What the jobs do on the fleet; None if they have ended at once.
    """

    random: Random
    habits: Habits
    clock: Callable[[], datetime]
    struck: Counter[str]
    calm: bool = False
    jobs: list[tuple[float, ListedJob]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    fails: Callable[[str], bool] = lambda _job_id: False
    fleet: Fleet | TaskFleet | None = None
    _judged: dict[str, bool] = field(default_factory=dict)
    _made: int = 0

    def refuse(self, refusing: float) -> None:
        """Finally refuse so many jobs from now on, whatever was said of them before."""
        self.habits = replace(self.habits, refusing=refusing)
        self._judged.clear()

    def arrived(self, date: str, body: bytes) -> None:
        """Check a request as it arrives; one without a body is an operation on a job.

        Raises:
            ApiError: It is refused, and no job comes of it.
        """
        if (self.clock() - moment(date)).total_seconds() > FENCE:
            self.struck["signature too old"] += 1
            raise ApiError("expired", status=400, code="IEF.011005")
        if self._happens(self.habits.trouble):
            raise self._error(_BEFORE)
        said = json.loads(body) if body else None
        if said and self._refuses(str(said["description"])):
            self.struck["refused finally"] += 1
            self.refused.add(said["description"])
            raise ApiError("no such node", status=400, code="IEF.100012")

    def create(self, body: bytes) -> str:
        """Create the job of a request that was let in; answers its id.

        Raises:
            ApiError: Its name is taken, or it was created and the answer went wrong.
        """
        said = json.loads(body)
        name, kind, description = said["job_name"], said["job_type"], said["description"]
        if self.habits.unique_names and any(job.name == name for _, job in self.jobs):
            self.struck["name taken"] += 1
            self.refused.add(description)
            raise ApiError("the name exists", status=409)
        job_id = self.add(name, kind, description)
        if isinstance(self.fleet, TaskFleet):
            targets = tuple(one["target_id"] for one in said["job_content"]["targets"])
            mark = description.split(" ", 1)[0]
            self.fleet.create(Made(job_id, mark, self.clock().timestamp(), targets))
        if self._happens(self.habits.trouble):
            raise self._error(_AFTER)
        return job_id

    def operate(self, call: str, job_id: str, date: str) -> None:
        """Execute an operation on a job.

        Raises:
            ApiError: There is no such job, its status does not allow it, or it was executed and
                the answer went wrong.
        """
        found = next((one for one in self.jobs if one[1].job_id == job_id), None)
        if found is None or self.fleet is None:
            raise ApiError("no such job", status=404)
        now = self.clock().timestamp()
        self.fleet.operate(call, job_id, date, found[1].created_at, now)
        if call == "DeleteBatchJob":
            self.jobs.remove(found)
        if self._happens(self.habits.trouble):
            raise self._error(_AFTER)

    def add(self, name: str, kind: str, description: str) -> str:
        """Create a job; answers its id."""
        self._made += 1
        now = self.clock().timestamp()
        lag = self.random.uniform(0, self.habits.lag) if self._happens(0.5) else 0.0
        job_id = f"job-{self._made}"
        job = ListedJob(job_id, name, kind, description, int(now), "Running")
        self.jobs.append((now + lag, job))
        return job_id

    def list_jobs(self, job_type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
        """Return a page of the list, the newest first, as the API's client does.

        Raises:
            NoAnswerError: The list cannot be had now.
        """
        if self._happens(self.habits.trouble / 2):
            self.struck["list failed"] += 1
            raise NoAnswerError("no answer")
        if offset and self._happens(0.1):
            self._turn_over_others()
        now = self.clock().timestamp()
        listed = [job for at, job in reversed(self.jobs) if job.type == job_type and at <= now]
        listed.sort(key=lambda job: job.created_at, reverse=not self.habits.oldest_first)
        page = listed[offset : offset + min(limit, self.habits.page)]
        return tuple(job._replace(created_at=0) if self.habits.dateless else job for job in page)

    def show_job(self, job_id: str) -> ShownJob | Gone | None:
        """Return how a job stands: without a fleet it has ended, and well unless it fails."""
        if self._happens(self.habits.trouble):
            return None
        found = next((job for _, job in self.jobs if job.job_id == job_id), None)
        if found and self.fleet:
            return self.fleet.shown(job_id, found.created_at, self.clock().timestamp())
        status = "Failed" if found and self.fails(job_id) else "Successful"
        return ShownJob(job_id, status, ((status, ""),)) if found else Gone()

    def delete(self, job_id: str) -> None:
        """Delete a job of Nightdrop's, as others may."""
        self.deleted.add(job_id)
        self.jobs = [one for one in self.jobs if one[1].job_id != job_id]

    def with_mark(self, mark: str) -> list[ListedJob]:
        """Return the jobs whose description opens with a mark."""
        return [job for _, job in self.jobs if job.description.split(" ", 1)[0] == mark]

    def _turn_over_others(self) -> None:
        """Others delete or create jobs while the list is turned over."""
        if self.random.random() < 0.5:
            self.struck["created under the list"] += 1
            for _ in range(self.random.randint(1, 30)):
                self.add("another", "node_upgrade", "made by hand")
            return
        strangers = [one for one in self.jobs if not one[1].description.startswith("nd-")]
        lost = self.random.sample(strangers, k=self.random.randint(0, len(strangers)))
        self.struck["deleted under the list"] += len(lost) > 0
        self.jobs = [one for one in self.jobs if one not in lost]

    def _happens(self, probability: float) -> bool:
        return not self.calm and self.random.random() < probability

    def _refuses(self, description: str) -> bool:
        if description not in self._judged:
            self._judged[description] = self.random.random() < self.habits.refusing
        return self._judged[description]

    def _error(self, errors: tuple[tuple[str, int, str], ...]) -> ApiError:
        name, status, message = self.random.choice(errors)
        self.struck[name] += 1
        after = self.random.choice((None, 1.0, 30.0)) if status == 429 else None
        return ApiError(message or name, status=status, retry_after=after)
