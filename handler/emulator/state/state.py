"""The state of the emulated services: guarded by one lock, and journaled on request."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import asdict, dataclass, field
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING

from handler.emulator.ief.deployments import PENDING, Deployments, deployment_changes
from handler.emulator.ief.effects import completed_upgrades, nodes_being_upgraded
from handler.emulator.ief.job import Job, started
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
from handler.emulator.ief.responses import FleetStatus, listed_view, shown_view
from handler.emulator.obs.bucket import ObjectVersion
from handler.emulator.state.changes import (
    BucketCreated,
    Change,
    JobRemoved,
    JobSaved,
    MessagePublished,
    ObjectPut,
    StateReset,
    StoredState,
    VersionRemoved,
    apply,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.emulator.obs.bucket import Bucket
    from handler.emulator.state.journal import Journal
    from handler.values.canonical_json import Json

_MAX_REQUESTS = 50_000


class DuplicateNameError(Exception):
    """A job of this name exists."""


@dataclass(frozen=True)
class RequestRecord:
    """A request that was received, `at` in seconds since 1970; without an answer `status` is None.

    The path is as sent, without the query; `fault` has the kinds of the faults that applied.
    """

    method: str
    path: str
    operation: str
    status: int | None
    at: float
    fault: str = ""


@dataclass
class State:
    """The jobs of IEF, the objects of OBS and the requests seen so far.

    Every method acquires the lock.

    Attributes:
        clock: Returns the current time, in seconds since 1970.
        new_id: Returns a new id for a job or a version: a UUID as text.
        simulation: Simulates the jobs, and holds the fleet.
        initial_buckets: The buckets that exist at the start and after a reset.
        journal: Persists changes to jobs and buckets; None keeps them in memory only. The fields
            below are never persisted.
        denied: Objects, as (bucket, key), that may not be read or written.
        failing_targets: Ids of targets whose tasks fail in jobs that start from now on.
        requests: The latest requests received, 50,000 at most.
    """

    clock: Callable[[], float]
    new_id: Callable[[], str]
    simulation: JobSimulation = field(default_factory=JobSimulation)
    initial_buckets: Sequence[str] = ()
    journal: Journal | None = None
    denied: set[tuple[str, str]] = field(default_factory=set)
    failing_targets: set[str] = field(default_factory=set)
    requests: deque[RequestRecord] = field(default_factory=lambda: deque(maxlen=_MAX_REQUESTS))
    lock: RLock = field(default_factory=RLock, repr=False)
    _stored: StoredState = field(default_factory=StoredState, repr=False)

    def __post_init__(self) -> None:
        for change in self.journal.read() if self.journal else ():
            apply(change, self._stored)
        self._create_initial_buckets()

    @property
    def jobs(self) -> dict[str, Job]:
        """The jobs by their ids."""
        return self._stored.jobs

    @property
    def messages(self) -> list[MessagePublished]:
        """The messages that were published, in order."""
        with self.lock:
            return [*self._stored.messages]

    @property
    def buckets(self) -> dict[str, Mapping[str, ObjectVersion]]:
        """The current objects of each bucket, read-only."""
        with self.lock:
            return {
                name: MappingProxyType(bucket.objects)
                for name, bucket in self._stored.buckets.items()
            }

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket with all versions of its objects; None if it does not exist."""
        with self.lock:
            return self._stored.buckets.get(name)

    def create_bucket(self, name: str) -> None:
        """Create a bucket, unless it exists."""
        with self.lock:
            if name not in self._stored.buckets:
                self.change(BucketCreated(name))

    def put_object(
        self, bucket: str, key: str, data: bytes, *, modified: float | None = None
    ) -> None:
        """Write an object as tests and tools do: without a signature and a notification.

        The bucket is created if it does not exist. `modified` is in seconds since 1970, by default
        now.
        """
        with self.lock:
            self.create_bucket(bucket)
            version_id = self._stored.buckets[bucket].new_version_id(self.new_id())
            when = self.clock() if modified is None else modified
            self.change(ObjectPut(bucket, key, ObjectVersion(data, when, version_id=version_id)))

    def remove_object(self, bucket: str, key: str) -> None:
        """Remove the current version of an object permanently."""
        self.change(VersionRemoved(bucket, key, None))

    def change(self, change: Change) -> None:
        """Write a change to the journal, then apply it."""
        with self.lock:
            if self.journal:
                self.journal.write(change)
            apply(change, self._stored)

    def reset(self) -> None:
        """Remove everything and create the initial buckets, empty."""
        with self.lock:
            self.requests.clear()
            self.denied.clear()
            self.failing_targets.clear()
            self.change(StateReset())
            self._create_initial_buckets()

    def _create_initial_buckets(self) -> None:
        for name in self.initial_buckets:
            self.create_bucket(name)

    def create_job(self, request: dict[str, Json], *, unique_name: bool = False) -> Job:
        """Add a job for a validated request.

        Raises:
            DuplicateNameError: The name exists and `unique_name` is set.
        """
        with self.lock:
            if unique_name and any(job.name == request["job_name"] for job in self.jobs.values()):
                raise DuplicateNameError
            number = self._stored.created + 1
            job = Job(self.new_id(), number, self.clock(), request)
            self.change(JobSaved(started(job, self.simulation, self.conditions(job))))
            return self.jobs[job.job_id]

    def all_jobs(self) -> list[Job]:
        """Return the jobs in the order of their creation."""
        with self.lock:
            return list(self.jobs.values())

    def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job | None:
        """Update a job; return what it was, None if it does not exist."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job:
                self.change(JobSaved(change(job)))
            return job

    def conditions(self, job: Job) -> JobConditions:
        """Return what a job meets when it starts, is restored or is retried now."""
        with self.lock:
            others = self.jobs.values() if self.simulation.fleet.parallelism else ()
            hosts = self.deployments().hosts() if job.kind == "deployment_upgrade" else {}
            runs = [one.runs[-1] for one in others if one.job_id != job.job_id]
            return JobConditions(frozenset(self.failing_targets), hosts, runs)

    def delete_job(self, job_id: str) -> Job | None:
        """Remove a job and return it, None if it does not exist."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job:
                now = self.clock()
                changes = deployment_changes(job, now)
                done = tuple(one for one in changes if one.state != PENDING)
                self.change(JobRemoved(job_id, completed_upgrades(job, now), done))
            return job

    def fleet_status(self) -> FleetStatus:
        """Return the fleet as the jobs have changed it so far."""
        with self.lock:
            now = self.clock()
            at = self.simulation.fleet_time(now)
            upgrades = self._stored.upgrades.at(now)
            upgrading = nodes_being_upgraded(self._stored.upgrades.changing.values(), now)
            return FleetStatus(self.simulation.fleet, at, upgrades, upgrading)

    def deployments(self, project_id: str = "") -> Deployments:
        """Return the deployments as the jobs have made them so far."""
        with self.lock:
            now, simulation = self.clock(), self.simulation
            changes = self._stored.deployments.at(now)
            return Deployments(simulation.fleet, simulation.fleet_time(now), changes, project_id)

    def record(self, request: RequestRecord) -> None:
        """Add a request to the recorded ones."""
        with self.lock:
            self.requests.append(request)

    def snapshot(self, only: str = "") -> dict[str, Json]:
        """Return all of the state as JSON, or `only` one part of it, such as `job_list`."""
        parts: dict[str, Callable[[], Json]] = {
            "jobs": self._jobs_view,
            "nodes": lambda: [*self.fleet_status().views()],
            "objects": self._objects_view,
            "messages": lambda: [asdict(one) for one in self._stored.messages],
            "requests": lambda: [asdict(one) for one in self.requests],
        }
        with self.lock:
            if only == "job_list":
                return {only: [listed_view(job, self.clock()) for job in self.jobs.values()]}
            return {name: view() for name, view in parts.items() if only in {"", name}}

    def _jobs_view(self) -> Json:
        now = self.clock()
        return [
            {**shown_view(job, now), "tags": job.request.get("tags", []), "request": job.request}
            for job in self.jobs.values()
        ]

    def _objects_view(self) -> Json:
        return {
            bucket: {key: _described(one) for key, one in objects.items()}
            for bucket, objects in self.buckets.items()
        }


def _described(stored: ObjectVersion) -> dict[str, Json]:
    described: dict[str, Json] = {"size": len(stored.data), "etag": stored.etag}
    with contextlib.suppress(UnicodeDecodeError):
        described["text"] = stored.data.decode()
    return described
