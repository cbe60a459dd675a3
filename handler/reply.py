"""What the function answers: small JSON, the same for every trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.audit.state import DEAD
from handler.canonical import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.record import Head
    from handler.audit.state import JobState
    from handler.canonical import Json

Outcome: TypeAlias = Literal["completed", "duplicate", "ignored", "deferred", "partial", "rejected"]

WORST_LAST: tuple[Outcome, ...] = (
    "completed", "duplicate", "ignored", "deferred", "partial", "rejected",
)  # fmt: skip
"""Every outcome; that of a reply is the worst of its deliveries'."""


@dataclass(frozen=True)
class Result:
    """What came of one delivery.

    Attributes:
        delivery: Its key.
        outcome: In one word.
        jobs: Its jobs as they stand.
        errors: What is wrong, one sentence each.
        warnings: What may be wrong with the spec; the jobs were created all the same.
    """

    delivery: str
    outcome: Outcome
    jobs: tuple[JobState, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def outcome_of(jobs: Sequence[JobState]) -> Outcome:
    """Return a planned delivery's outcome in one word."""
    dead = sum(job.state in DEAD for job in jobs)
    if dead == len(jobs):
        return "rejected"
    if dead:
        return "partial"
    return "completed" if all(job.final for job in jobs) else "deferred"


def errors_of(jobs: Sequence[JobState]) -> tuple[str, ...]:
    """Return a sentence for each job that will not be created, and one for those that wait."""
    dead = [f"job {job.name} was {job.state}: {job.note}" for job in jobs if job.state in DEAD]
    waiting = [job for job in jobs if not job.final]
    if waiting:
        words = ", ".join(sorted({job.state for job in waiting}))
        dead.append(f"{len(waiting)} of {len(jobs)} jobs are not settled yet ({words})")
    return tuple(dead)


def reply(results: Sequence[Result], head: Head) -> dict[str, Json]:
    """Return the function's answer to one event."""
    worst = max((WORST_LAST.index(result.outcome) for result in results), default=0)
    errors: list[Json] = [error for result in results for error in result.errors]
    warnings: list[Json] = [warning for result in results for warning in result.warnings]
    return {
        "outcome": WORST_LAST[worst],
        "deliveries": [shown(result.delivery) for result in results],
        "jobs": jobs_json([job for result in results for job in result.jobs]),
        "errors": errors,
        **({"warnings": warnings} if warnings else {}),
        "head": {"seq": head.seq, "hash": head.hash},
    }


def jobs_json(jobs: Sequence[JobState]) -> list[Json]:
    """Return jobs as a reply and a result file show them."""
    return [
        {
            "job_name": job.name,
            "job_id": job.job_id or None,
            "state": job.state,
            "document": job.document,
        }
        for job in jobs
    ]
