"""What may become of a job, as decisions on the log: pure functions from a state to records.

in state                on claim                              on an answer to the latest attempt
planned deferred absent job.sending, granted                  (a creation is taken in any state)
                        job.deferred, while sending is held
                        job.expired, past its validity
sending, lease live     nothing: another instance has it      created refused deferred unknown
sending, lease over     job.unknown                           the same, if it still comes
unknown                 nothing: to be settled                the same, if it still comes
final                   nothing                               another id: job.duplicated
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from handler.audit.log import Decision, followed_by
from handler.audit.record import Draft
from handler.values.canonical_json import moment, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Part

SENDABLE = frozenset({"planned", "deferred", "absent"})
"""States from which a job may be claimed."""

_REQUEST_LOST = (
    "its request is gone from the outbox; give it up with `nightdrop jobs abandon`, "
    "and deliver it again if it is still wanted"
)


class Created(NamedTuple):
    """The API created the job."""

    job_id: str


class Done:
    """The API has done an operation."""


class Refused(NamedTuple):
    """The API says no, and will say so again."""

    reason: str
    status: int
    code: str


class Deferred(NamedTuple):
    """The job was certainly not created, and a later try may succeed."""

    reason: str
    status: int = 0
    code: str = ""


NO_TIME = "no time was left to send it"
"""Why a request did not leave, if the invocation was about to end."""


class Unknown(NamedTuple):
    """The job may have been created; only the list of jobs can tell."""

    reason: str
    status: int = 0


Answer: TypeAlias = "Created | Refused | Deferred | Unknown"


class Claim(NamedTuple):
    """The result of a claim: whether this instance may send.

    Attributes:
        attempt: The number of the attempt, to be given back with its answer; 0 if not granted.
        job: The job; if it was not granted, with the reason recorded.
    """

    attempt: int
    job: JobState


def claim(key: str, *, date: str, lease: timedelta) -> Decide[Claim]:
    """Decide whether this instance may send a job now.

    Args:
        key: The job's key.
        date: The date of the signature the request will leave with, a timestamp.
        lease: How long this instance may take to record an answer.
    """

    def decide(view: View) -> Decision[Claim]:
        job = known(view, key)
        if job.state in SENDABLE:
            return _claimed(view, job, date, view.now + lease)
        if job.state == "sending" and lease_over(job, view.now):
            return not_granted(job, lease_expired(job))
        return not_granted(job)

    return decide


def not_granted(job: JobState, *drafts: Draft) -> Decision[Claim]:
    """Return a decision that refuses a claim and appends drafts about the job."""
    return followed_by(drafts, lambda view: Decision(Claim(0, known(view, job.key))))


def lease_over(job: JobState, now: datetime) -> bool:
    """Return whether the instance that claimed a job can no longer be expected to answer."""
    return moment(job.lease_until) <= now


def is_being_sent(job: JobState, now: datetime) -> bool:
    """Return whether an instance sends a job and can still be expected to answer."""
    return job.state == "sending" and not lease_over(job, now)


def is_unknown(job: JobState, now: datetime) -> bool:
    """Return whether the API may have a job without an answer that can still come."""
    return job.state == "unknown" or (job.state == "sending" and lease_over(job, now))


def record(key: str, attempt: int, answer: Answer) -> Decide[JobState]:
    """Decide what an answer changes, whenever it comes; answers the job as it then stands.

    A creation is taken in every state: the same id again is nothing new, another id is a
    duplicate that a person must look at. Any other answer counts only for the latest attempt. A
    refusal after an earlier attempt that was unknown is settled first: our own job may be what
    is in the way.
    """

    def decide(view: View) -> Decision[JobState]:
        job = known(view, key)
        if isinstance(answer, Created):
            return _moved(job, _created(job, answer))
        if job.attempt != attempt or job.state not in {"sending", "unknown"}:
            return Decision(job)
        return _moved(job, (_answered(job, answer),))

    return decide


def defer(key: str, reason: str) -> Decide[JobState]:
    """Decide to leave a job for later that was not claimed; answers the job as it then stands."""

    def decide(view: View) -> Decision[JobState]:
        job = known(view, key)
        return _moved(job, _waiting(job, reason) if job.state in SENDABLE else ())

    return decide


def request_lost(key: str) -> Decide[JobState]:
    """Decide what becomes of a job whose request is gone from the outbox: it waits, then expires.

    Nothing can be sent for it any more, and nothing of it is silently lost.
    """

    def decide(view: View) -> Decision[JobState]:
        job = known(view, key)
        if job.state not in SENDABLE:
            return Decision(job)
        if past_validity(job, view.now):
            return _moved(job, (_expired(job),))
        return _moved(job, _waiting(job, _REQUEST_LOST))

    return decide


def _moved(job: JobState, drafts: tuple[Draft, ...]) -> Decision[JobState]:
    """Return a decision that appends drafts about a job and answers it as they leave it."""
    return followed_by(drafts, lambda view: Decision(known(view, job.key)))


def abandon(key: str, reason: str, *, actor: Part) -> Decide[JobState]:
    """Decide to give a job up by hand; the state says whether it is."""

    def decide(view: View) -> Decision[JobState]:
        job = known(view, key)
        if job.final or is_being_sent(job, view.now):
            return Decision(job)
        abandoned = about(job)._replace(
            action="job.abandoned", outcome="success", actor=actor, note=reason
        )
        return _moved(job, (abandoned,))

    return decide


def known(view: View, key: str) -> JobState:
    """Return a job that must be in the log.

    Raises:
        LookupError: It is not.
    """
    job = view.job(key)
    if job is None:
        raise LookupError(f"job {key[:16]} was never planned")
    return job


def past_validity(job: JobState, now: datetime) -> bool:
    """Return whether a job may not be sent any more."""
    return bool(job.valid_until) and moment(job.valid_until) < now


def lease_expired(job: JobState) -> Draft:
    """Return the record of a claim whose instance ended without an answer."""
    return about(job)._replace(
        action="job.unknown",
        outcome="unknown",
        note="the instance that sent it ended without an answer",
    )


def duplicate_note(first: str, second: str) -> str:
    """Return what a person should do about a job that exists twice."""
    return f"the API has this job twice, {first} and {second}: delete one of them"


def about(job: JobState) -> Draft:
    """Return a draft of a record about a job, without its action."""
    return Draft(
        action="job.",
        outcome="pending",
        delivery={"key": job.delivery},
        job={"key": job.key, "name": job.name, "type": job.type, "document": job.document},
        rollout={"key": job.rollout, "wave": job.wave} if job.rollout else {},
    )


def _claimed(view: View, job: JobState, date: str, lease_until: datetime) -> Decision[Claim]:
    if past_validity(job, view.now):
        return not_granted(job, _expired(job))
    held = view.switch("hold")
    if held:
        return not_granted(job, *_waiting(job, f"sending is held: {held}"))
    if job.rollout:
        from handler.jobs.gate import withheld  # most jobs are of no rollout

        if why := withheld(view, job.rollout):
            drafts = (expired(job, why.reason),) if why.is_final else _waiting(job, why.reason)
            return not_granted(job, *drafts)
    request: Part = {
        "operation": "CreateBatchJob",
        "attempt": job.attempt + 1,
        "date": date,
        "lease_until": timestamp(lease_until),
    }
    sending = about(job)._replace(action="job.sending", request=request)
    return Decision(Claim(job.attempt + 1, job), (sending,))


def expired(job: JobState, note: str) -> Draft:
    """Return the record that a job that was not sent is not sent any more."""
    return about(job)._replace(action="job.expired", outcome="failure", note=note)


def _expired(job: JobState) -> Draft:
    note = f"was not sent by {job.valid_until[:19]}Z; deliver it again if it is still wanted"
    return expired(job, note)


def _waiting(job: JobState, reason: str) -> tuple[Draft, ...]:
    """Return the record that a job waits; none if it waits for the same reason already."""
    if (job.state, job.note) == ("deferred", reason):
        return ()
    return (about(job)._replace(action="job.deferred", note=reason),)


def _created(job: JobState, answer: Created) -> tuple[Draft, ...]:
    if answer.job_id in {job.job_id, *job.other_ids.split()}:
        return ()
    draft = about(job)._replace(
        action="job.created", outcome="success", response={"status": 201, "job_id": answer.job_id}
    )
    if not job.job_id:
        return (draft,)
    note = duplicate_note(job.job_id, answer.job_id)
    return (draft._replace(action="job.duplicated", outcome="failure", note=note),)


def _answered(job: JobState, answer: Refused | Deferred | Unknown) -> Draft:
    draft = about(job)._replace(
        response={"status": answer.status or None, "code": getattr(answer, "code", "") or None},
        note=answer.reason,
    )
    if isinstance(answer, Deferred):
        return draft._replace(action="job.deferred")
    if isinstance(answer, Unknown) or job.doubtful:
        return draft._replace(action="job.unknown", outcome="unknown")
    return draft._replace(action="job.refused", outcome="failure")
