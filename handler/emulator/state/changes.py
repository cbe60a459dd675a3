"""Everything that can happen to what the services hold, and what then is different.

What they hold is a fold over these changes, so a journal of them is all that a restart needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from handler.emulator.obs.bucket import Shelf

if TYPE_CHECKING:
    from handler.emulator.ief.job import Job
    from handler.emulator.ief.node_upgrades import Upgrade
    from handler.emulator.obs.object_version import StoredObject


@dataclass
class Holdings:
    """What the services hold.

    Attributes:
        jobs: The jobs by their ids, in the order of their creation.
        created: How many jobs were ever created.
        upgrades: Upgrades done by jobs that are deleted.
        buckets: The current objects of each bucket.
        shelves: The buckets with all their versions; the same objects.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    created: int = 0
    upgrades: list[Upgrade] = field(default_factory=list)
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    shelves: dict[str, Shelf] = field(default_factory=dict)


@dataclass(frozen=True)
class AllForgotten:
    """Everything was forgotten."""

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.created = 0
        for kept in (held.jobs, held.upgrades, held.buckets, held.shelves):
            kept.clear()


@dataclass(frozen=True)
class JobKept:
    """A job was created, or is different now."""

    job: Job

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.created = max(held.created, self.job.number)
        held.jobs[self.job.job_id] = self.job


@dataclass(frozen=True)
class JobRemoved:
    """A job was deleted; the upgrades it had done stay done."""

    job_id: str
    upgrades: tuple[Upgrade, ...]

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.jobs.pop(self.job_id, None)
        held.upgrades.extend(self.upgrades)


@dataclass(frozen=True)
class BucketMade:
    """A bucket was made."""

    bucket: str

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        shelf = held.shelves.setdefault(self.bucket, Shelf())
        held.buckets[self.bucket] = shelf.objects


@dataclass(frozen=True)
class VersioningSet:
    """A bucket's versioning was set."""

    bucket: str
    status: str

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.shelves[self.bucket].versioning = self.status


@dataclass(frozen=True)
class LockSet:
    """How long a bucket keeps unchanged what is written from now on."""

    bucket: str
    days: int

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.shelves[self.bucket].locked_days = self.days


@dataclass(frozen=True)
class ObjectPut:
    """An object or a delete marker became the newest version of a key."""

    bucket: str
    key: str
    stored: StoredObject

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.shelves[self.bucket].put(self.key, self.stored)


@dataclass(frozen=True)
class DataAppended:
    """Data was added at the end of an object."""

    bucket: str
    key: str
    data: bytes
    modified: float

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.shelves[self.bucket].append(self.key, self.data, self.modified)


@dataclass(frozen=True)
class VersionRemoved:
    """A version was removed for good; without an id, the current object."""

    bucket: str
    key: str
    version_id: str | None

    def apply(self, held: Holdings) -> None:
        """Make the change."""
        held.shelves[self.bucket].remove(self.key, self.version_id)


Change: TypeAlias = (
    AllForgotten
    | JobKept
    | JobRemoved
    | BucketMade
    | VersioningSet
    | LockSet
    | ObjectPut
    | DataAppended
    | VersionRemoved
)
