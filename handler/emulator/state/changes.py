"""The changes that the services' state can undergo, and how each is applied.

The state is a fold over its changes, so a journal of them is all that a restart needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from handler.emulator.ief.deployments import DeploymentChange, deployment_changes
from handler.emulator.ief.effects import Effects, Upgrade, completed_upgrades
from handler.emulator.obs.bucket import Bucket

if TYPE_CHECKING:
    from handler.emulator.ief.job import Job
    from handler.emulator.obs.bucket import ObjectVersion


@dataclass
class StoredState:
    """The part of the services' state that outlives a process.

    `created` counts all jobs ever created. `upgrades` and `deployments` are what all jobs did,
    deleted ones too.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    created: int = 0
    upgrades: Effects[Upgrade] = field(default_factory=lambda: Effects(completed_upgrades))
    deployments: Effects[DeploymentChange] = field(
        default_factory=lambda: Effects(deployment_changes)
    )
    buckets: dict[str, Bucket] = field(default_factory=dict)
    messages: list[MessagePublished] = field(default_factory=list)


@dataclass(frozen=True)
class StateReset:
    """Everything was removed."""


@dataclass(frozen=True)
class JobSaved:
    """A job was created or updated."""

    job: Job


@dataclass(frozen=True)
class JobRemoved:
    """A job was deleted; what it had done stays in effect."""

    job_id: str
    upgrades: tuple[Upgrade, ...]
    deployments: tuple[DeploymentChange, ...] = ()


@dataclass(frozen=True)
class BucketCreated:
    """A bucket was created."""

    bucket: str


@dataclass(frozen=True)
class VersioningSet:
    """A bucket's versioning was set."""

    bucket: str
    status: str


@dataclass(frozen=True)
class LockSet:
    """The retention of a bucket's new objects was set, in days."""

    bucket: str
    days: int


@dataclass(frozen=True)
class ObjectPut:
    """An object or a delete marker became the newest version of a key."""

    bucket: str
    key: str
    stored: ObjectVersion


@dataclass(frozen=True)
class DataAppended:
    """Data was appended to an object."""

    bucket: str
    key: str
    data: bytes
    modified: float


@dataclass(frozen=True)
class VersionRemoved:
    """A version was removed permanently; without an id, the current object."""

    bucket: str
    key: str
    version_id: str | None


@dataclass(frozen=True)
class MessagePublished:
    """A message was published to a topic, `published` in seconds since 1970."""

    message_id: str
    topic_urn: str
    subject: str
    message: str
    published: float


Change: TypeAlias = (
    StateReset
    | JobSaved
    | JobRemoved
    | BucketCreated
    | VersioningSet
    | LockSet
    | ObjectPut
    | DataAppended
    | VersionRemoved
    | MessagePublished
)


def apply(change: Change, state: StoredState) -> None:  # noqa: C901 - one case per change
    """Apply a change to the state."""
    match change:
        case StateReset():
            state.created = 0
            state.jobs.clear()
            state.upgrades.clear()
            state.deployments.clear()
            state.buckets.clear()
            state.messages.clear()
        case JobSaved(job):
            state.created = max(state.created, job.number)
            state.jobs[job.job_id] = job
            if job.kind == "node_upgrade":
                state.upgrades.save(job)
            else:
                state.deployments.save(job)
        case JobRemoved(job_id, upgrades, deployments):
            state.jobs.pop(job_id, None)
            state.upgrades.remove(job_id, upgrades)
            state.deployments.remove(job_id, deployments)
        case BucketCreated(bucket):
            state.buckets.setdefault(bucket, Bucket())
        case VersioningSet(bucket, status):
            state.buckets[bucket].versioning = status
        case LockSet(bucket, days):
            state.buckets[bucket].locked_days = days
        case ObjectPut(bucket, key, stored):
            state.buckets[bucket].put(key, stored)
        case DataAppended(bucket, key, data, modified):
            state.buckets[bucket].append(key, data, modified)
        case VersionRemoved(bucket, key, version_id):
            state.buckets[bucket].remove(key, version_id)
        case MessagePublished():
            state.messages.append(change)
