"""Everything the emulated services hold, in memory, behind one lock."""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from dataclasses import asdict, dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from handler.emulator.jobs import Job, shown_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.canonical import Json

_REQUESTS_KEPT = 50_000


class DuplicateNameError(Exception):
    """A job of this name exists."""


@dataclass(frozen=True)
class StoredObject:
    """One object in a bucket.

    Attributes:
        data: Its bytes.
        modified: When it was written, in seconds since 1970.
        content_type: The media type it was written with.
        metadata: The headers under `x-obs-meta-`, their names without that prefix.
    """

    data: bytes
    modified: float
    content_type: str = "binary/octet-stream"
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def etag(self) -> str:
        """The MD5 of the bytes in hex, without quotes."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


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
        new_id: Makes ids for jobs: UUIDs as text.
        job_seconds: How long a job runs.
        initial_buckets: The buckets that exist at the start and after a reset.
        denied: Objects, as (bucket, key), that may not be read or written.
        failing_targets: Ids of targets whose tasks fail.
    """

    clock: Callable[[], float]
    new_id: Callable[[], str]
    job_seconds: float = 2.0
    initial_buckets: Sequence[str] = ()
    denied: set[tuple[str, str]] = field(default_factory=set)
    failing_targets: set[str] = field(default_factory=set)
    jobs: dict[str, Job] = field(default_factory=dict)
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    requests: deque[SeenRequest] = field(default_factory=lambda: deque(maxlen=_REQUESTS_KEPT))
    lock: RLock = field(default_factory=RLock, repr=False)
    _created: int = 0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; the initial buckets are there again, empty."""
        with self.lock:
            self.jobs.clear()
            self.requests.clear()
            self.denied.clear()
            self.failing_targets.clear()
            self.buckets.clear()
            self.buckets.update({name: {} for name in self.initial_buckets})

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
            self._created += 1
            now = self.clock()
            job = Job(self.new_id(), self._created, now, now + self.job_seconds, request)
            self.jobs[job.job_id] = job
            return job

    def all_jobs(self) -> list[Job]:
        """Return the jobs in the order of their creation."""
        with self.lock:
            return list(self.jobs.values())

    def delete_job(self, job_id: str) -> bool:
        """Remove a job and say whether it was there."""
        with self.lock:
            return self.jobs.pop(job_id, None) is not None

    def record(self, seen: SeenRequest) -> None:
        """Remember a request."""
        with self.lock:
            self.requests.append(seen)

    def snapshot(self) -> dict[str, Json]:
        """Return all of it as JSON: `jobs`, `objects` and `requests`."""
        with self.lock:
            now, failing = self.clock(), frozenset(self.failing_targets)
            jobs: list[Json] = [
                {
                    **shown_view(job, now, failing),
                    "tags": job.request.get("tags", []),
                    "request": job.request,
                }
                for job in self.jobs.values()
            ]
            objects: dict[str, Json] = {
                bucket: {key: _described(one) for key, one in kept.items()}
                for bucket, kept in self.buckets.items()
            }
            return {
                "jobs": jobs,
                "objects": objects,
                "requests": [asdict(r) for r in self.requests],
            }


def _described(stored: StoredObject) -> dict[str, Json]:
    described: dict[str, Json] = {"size": len(stored.data), "etag": stored.etag}
    with contextlib.suppress(UnicodeDecodeError):
        described["text"] = stored.data.decode()
    return described
