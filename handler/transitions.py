"""What may become of a job, as decisions on the log: pure functions from a state to records.

in state                on claim                              on an answer
planned deferred absent job.sending, granted                  (a created one is taken anywhere)
sending, lease live     nothing: another instance has it      created refused deferred unknown
sending, lease over     job.unknown                           the same, if it still comes
unknown                 nothing: to be settled                the same, if it still comes
final                   nothing                               another id: job.duplicated
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.canonical import moment, timestamp

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.state import JobState

SENDABLE = frozenset({"planned", "deferred", "absent"})
"""States from which a job may be claimed."""


@dataclass(frozen=True)
class Created:
    """The API created the job."""

    job_id: str


@dataclass(frozen=True)
class Refused:
    """The API says no, and will say so again."""

    reason: str
    status: int
    code: str


@dataclass(frozen=True)
class Deferred:
    """The job was certainly not created, and a later try may succeed."""

    reason: str
    status: int = 0
    code: str = ""


@dataclass(frozen=True)
class Unknown:
    """The job may have been created; nobody can say before the list is looked at."""

    reason: str
    status: int = 0


Answer: TypeAlias = "Created | Refused | Deferred | Unknown"


@dataclass(frozen=True)
class Claim:
    """What a claim came to: whether this instance may send, and the job as it stands.

    Attributes:
        attempt: The number of the attempt, to be given back with its answer; 0 if not granted.
    """

    attempt: int
    job: JobState


def claim(key: str, *, date: str, lease: timedelta, function: Part) -> Decide[Claim]:
    """Decide whether this instance may send a job now.

    Args:
        key: The job's key.
        date: The date of the signature the request will leave with, a timestamp.
        lease: How long this instance may take to record an answer.
        function: Who claims.
    """

    def decide(view: View) -> Decision[Claim]:
        job = _job(view, key)
        if job.state in SENDABLE:
            attempt = job.attempt + 1
            request: Part = {
                "operation": "CreateBatchJob",
                "attempt": attempt,
                "date": date,
                "lease_until": timestamp(view.now + lease),
            }
            sending = replace(_about(job, function), action="job.sending", request=request)
            return Decision(Claim(attempt, job), (sending,))
        if job.state == "sending" and lease_over(job, view.now):
            return Decision(Claim(0, job), (_silent(job, function),))
        return Decision(Claim(0, job))

    return decide


def lease_over(job: JobState, now: datetime) -> bool:
    """Return whether the instance that claimed a job can no longer be expected to answer."""
    return moment(job.lease_until) <= now


def record(key: str, attempt: int, answer: Answer, *, function: Part) -> Decide[None]:
    """Decide what an answer changes, whenever it comes.

    A creation is taken in every state: the same id again is nothing new, another id is a
    duplicate that a person must look at. Any other answer counts only for the latest attempt. A
    refusal after an earlier attempt that was unknown is settled first: our own job may be what
    is in the way.
    """

    def decide(view: View) -> Decision[None]:
        job = _job(view, key)
        if isinstance(answer, Created):
            return Decision(None, _created(job, answer, function))
        if job.attempt != attempt or job.state not in {"sending", "unknown"}:
            return Decision(None)
        return Decision(None, (_answered(job, answer, function),))

    return decide


def defer(key: str, reason: str, *, function: Part) -> Decide[None]:
    """Decide to leave a job for later that was not claimed."""

    def decide(view: View) -> Decision[None]:
        job = _job(view, key)
        # Absent may be claimed as it is, and as deferred its earlier attempt would be forgotten.
        if job.state not in SENDABLE - {"absent"} or (job.state, job.note) == ("deferred", reason):
            return Decision(None)
        deferred = replace(_about(job, function), action="job.deferred", note=reason)
        return Decision(None, (deferred,))

    return decide


def _job(view: View, key: str) -> JobState:
    job = view.job(key)
    if job is None:
        raise LookupError(f"job {key[:16]} was never planned")
    return job


def _created(job: JobState, answer: Created, function: Part) -> tuple[Draft, ...]:
    if job.job_id == answer.job_id:
        return ()
    draft = replace(
        _about(job, function),
        action="job.created",
        outcome="success",
        response={"status": 201, "job_id": answer.job_id},
    )
    if not job.job_id:
        return (draft,)
    note = f"the API has this job twice, {job.job_id} and {answer.job_id}: delete one of them"
    return (replace(draft, action="job.duplicated", outcome="failure", note=note),)


def _answered(job: JobState, answer: Refused | Deferred | Unknown, function: Part) -> Draft:
    draft = replace(
        _about(job, function),
        response={"status": answer.status or None, "code": getattr(answer, "code", "") or None},
        note=answer.reason,
    )
    if isinstance(answer, Deferred):
        return replace(draft, action="job.deferred")
    if isinstance(answer, Unknown) or job.doubtful:
        return replace(draft, action="job.unknown", outcome="unknown")
    return replace(draft, action="job.refused", outcome="failure")


def _silent(job: JobState, function: Part) -> Draft:
    return replace(
        _about(job, function),
        action="job.unknown",
        outcome="unknown",
        note="the instance that sent it ended without an answer",
    )


def _about(job: JobState, function: Part) -> Draft:
    return Draft(
        action="job.",
        outcome="pending",
        delivery={"key": job.delivery},
        job={"key": job.key, "name": job.name, "type": job.type, "document": job.document},
        function=function,
    )
