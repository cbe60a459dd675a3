"""Everything the emulated services hold, behind one lock, and in a journal if there is one."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import asdict, dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from handler.emulator.ief import node_upgrades
from handler.emulator.ief.job import Job, begun
from handler.emulator.ief.job_responses import shown_view
from handler.emulator.ief.job_simulation import Pace
from handler.emulator.ief.node_responses import Condition
from handler.emulator.obs.bucket import Shelf
from handler.emulator.obs.object_version import StoredObject
from handler.emulator.state.changes import (
    AllForgotten,
    BucketMade,
    Change,
    Holdings,
    JobKept,
    JobRemoved,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.emulator.state.journal import Journal
    from handler.values.canonical_json import Json

__all__ = ["DuplicateNameError", "SeenRequest", "State", "StoredObject"]

_REQUESTS_KEPT = 50_000


class DuplicateNameError(Exception):
    """A job of this name exists."""


@dataclass(frozen=True)
class SeenRequest:
    """One request that was taken.

    Attributes:
        method: Its method.
        path: Its path as sent, without the query.
        operation: The operation it asked for.
        status: The status it was answered with; None if it was not answered.
        at: When it was dealt with, in seconds since 1970.
        fault: The fault that ended it, or "".
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

    Every method takes the lock; a test may reach into the fields while nothing is running.

    Attributes:
        clock: The current time, in seconds since 1970.
        new_id: Makes ids for jobs and versions: UUIDs as text.
        pace: How jobs go, and the fleet they are about.
        initial_buckets: The buckets that exist at the start and after a reset.
        journal: Where changes are kept beyond the process; None for nowhere. The fields below are
            not kept there, only jobs and buckets are.
        denied: Objects, as (bucket, key), that may not be read or written.
        failing_targets: Ids of targets whose tasks fail in jobs that begin from now on.
        requests: The requests seen.
    """

    clock: Callable[[], float]
    new_id: Callable[[], str]
    pace: Pace = field(default_factory=Pace)
    initial_buckets: Sequence[str] = ()
    journal: Journal | None = None
    denied: set[tuple[str, str]] = field(default_factory=set)
    failing_targets: set[str] = field(default_factory=set)
    requests: deque[SeenRequest] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))
    lock: RLock = field(default_factory=RLock, repr=False)
    _held: Holdings = field(default_factory=Holdings, repr=False)

    def __post_init__(self) -> None:
        for change in self.journal.read() if self.journal else ():
            change.apply(self._held)
        self._make_initial_buckets()

    @property
    def jobs(self) -> dict[str, Job]:
        """The jobs by their ids."""
        return self._held.jobs

    @property
    def buckets(self) -> dict[str, dict[str, StoredObject]]:
        """The current objects of each bucket."""
        return self._held.buckets

    def shelf(self, bucket: str) -> Shelf | None:
        """Return a bucket with all versions of its objects; None if there is no such bucket."""
        with self.lock:
            if bucket in self.buckets and bucket not in self._held.shelves:
                # A test has put it there.
                self._held.shelves[bucket] = Shelf(self.buckets[bucket])
            return self._held.shelves.get(bucket)

    def change(self, change: Change) -> None:
        """Make a change; it is in the journal before it is anywhere else."""
        with self.lock:
            if self.journal:
                self.journal.write(change)
            change.apply(self._held)

    def reset(self) -> None:
        """Forget everything; the initial buckets are there again, empty."""
        with self.lock:
            self.requests.clear()
            self.denied.clear()
            self.failing_targets.clear()
            self.change(AllForgotten())
            self._make_initial_buckets()

    def _make_initial_buckets(self) -> None:
        for name in self.initial_buckets:
            if name not in self._held.shelves:
                self.change(BucketMade(name))

    def create_job(self, request: dict[str, Json], *, unique_name: bool = False) -> Job:
        """Add a job.

        Args:
            request: The body that asks for it, already checked.
            unique_name: Whether a name that exists is refused.

        Raises:
            DuplicateNameError: The name exists and must not.
        """
        with self.lock:
            if unique_name and any(job.name == request["job_name"] for job in self.jobs.values()):
                raise DuplicateNameError
            number = self._held.created + 1
            job = Job(self.new_id(), number, self.clock(), request)
            self.change(JobKept(begun(job, self.pace, self.failing_targets)))
            return self.jobs[job.job_id]

    def all_jobs(self) -> list[Job]:
        """Return the jobs in the order of their creation."""
        with self.lock:
            return list(self.jobs.values())

    def change_job(self, job_id: str, change: Callable[[Job], Job]) -> bool:
        """Replace a job by what it has become, and say whether it was there."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job:
                self.change(JobKept(change(job)))
            return job is not None

    def delete_job(self, job_id: str) -> bool:
        """Remove a job and say whether it was there."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job:
                self.change(JobRemoved(job_id, node_upgrades.done([job], self.clock())))
            return job is not None

    def condition(self) -> Condition:
        """Return what the jobs have made of the fleet by now."""
        with self.lock:
            now, jobs = self.clock(), list(self.jobs.values())
            done = (*self._held.upgrades, *node_upgrades.done(jobs, now))
            ordered = sorted(done, key=lambda upgrade: upgrade.at)
            return Condition(self.pace.fleet, ordered, node_upgrades.under_way(jobs, now))

    def record(self, seen: SeenRequest) -> None:
        """Remember a request."""
        with self.lock:
            self.requests.append(seen)

    def snapshot(self, only: str = "") -> dict[str, Json]:
        """Return what there is as JSON: `jobs`, `nodes`, `objects` and `requests`.

        Args:
            only: The one of them that is wanted; "" for all.
        """
        parts: dict[str, Callable[[], Json]] = {
            "jobs": self._jobs_view,
            "nodes": lambda: [*self.condition().select({})],
            "objects": self._objects_view,
            "requests": lambda: [asdict(one) for one in self.requests],
        }
        with self.lock:
            return {name: view() for name, view in parts.items() if only in {"", name}}

    def _jobs_view(self) -> Json:
        now = self.clock()
        return [
            {
                **shown_view(job, now),
                "tags": job.request.get("tags", []),
                "request": job.request,
            }
            for job in self.jobs.values()
        ]

    def _objects_view(self) -> Json:
        return {
            bucket: {key: _described(one) for key, one in kept.items()}
            for bucket, kept in self.buckets.items()
        }


def _described(stored: StoredObject) -> dict[str, Json]:
    described: dict[str, Json] = {"size": len(stored.data), "etag": stored.etag}
    with contextlib.suppress(UnicodeDecodeError):
        described["text"] = stored.data.decode()
    return described
