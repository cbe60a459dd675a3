"""Invariants of every simulated run, and their violations."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from handler.audit.job_state import DELETED
from handler.audit.record import part
from handler.audit.verification.verdict import verify
from handler.reconciler import LIMIT
from handler.specs.planner import mark_of
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from tests.faults.simulation.simulated_world import World


def planned_jobs(world: World) -> list[JobState]:
    """Return the state of every job that was ever planned and is not forgotten."""
    keys = [
        str(part(record.fields, "job")["key"])
        for record in world.log.records()
        if record.fields["action"] == "job.planned"
    ]

    def ask(view: View) -> list[JobState]:
        return [*filter(None, map(view.job, keys))]

    return world.log.read(ask)


def at_the_api(world: World, job: JobState) -> list[str]:
    """Return the ids of the jobs that the API has with a job's mark."""
    return [one.job_id for one in world.api.with_mark(mark_of(job.key))]


def at_any_time(world: World) -> Iterator[str]:
    """Yield the invariants that are violated at this time."""
    waiting = {job.key for job in world.open()}
    for job in planned_jobs(world):
        made = at_the_api(world, job)
        if len(made) > 1 or job.state == "duplicated":
            yield f"job {job.name} exists {len(made)} times"
        is_deleted = job.finished == DELETED or job.operation == "delete"
        is_deleted = is_deleted or job.job_id in world.api.deleted
        if job.state in {"created", "adopted"} and job.job_id not in made and not is_deleted:
            yield f"job {job.name} is {job.state}, but the API does not have it"
        if not job.final and job.key not in waiting:
            yield f"job {job.name} is {job.state}, but nothing shows that it waits"
        if job.state == "refused" and not _refused(world, job):
            yield f"job {job.name} is refused, but the API never refused it"
        if job.state in {"refused", "expired"} and made:
            yield f"job {job.name} is {job.state}, but the API has it"
        if (
            job.state == "expired"
            and not job.rollout
            and moment(job.valid_until) > moment(job.changed_at)
        ):
            yield f"job {job.name} is expired before its time"
    yield from map(str, verify(world.log.records()).faults)


def _refused(world: World, job: JobState) -> bool:
    return any(text.split(" ", 1)[0] == mark_of(job.key) for text in world.api.refused)


def at_the_end(world: World) -> Iterator[str]:
    """Yield the violated invariants after faults have ended and the reconciler has run."""
    for job in planned_jobs(world):
        waits_for_a_person = job.state == "unknown" and "may be ours" in job.note
        if not job.final and not waits_for_a_person:
            yield f"job {job.name} is still {job.state}: {job.note}"
    left = world.log.read(lambda view: view.open(LIMIT))
    for delivery in left.deliveries:
        yield f"delivery {delivery.subject} was received and never decided"
    for delivery in left.awaiting:
        yield f"delivery {delivery.subject} still awaits an approval"
    # An object that is written again with other bytes is run again.
    timed = [(run, job) for run, job in _alive(world) if not run.startswith("obs://")]
    runs = Counter((run, job.document) for run, job in timed)
    for (subject, document), count in runs.items():
        if count > 1:
            yield f"document {document} of {subject} was run {count} times within the window"


def _alive(world: World) -> Iterator[tuple[str, JobState]]:
    subjects = {
        str(said["key"]): str(said["subject"])
        for record in world.log.records()
        if "subject" in (said := part(record.fields, "delivery"))
    }
    for job in planned_jobs(world):
        if at_the_api(world, job) and not job.rollout:
            yield subjects[job.delivery], job
