"""The claim of an operation on a job, its answer, and its settlement, as decisions on the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.job_end import ENDED, STOPPED, SUCCESSFUL
from handler.audit.log import Decision, followed_by
from handler.cloud.http_transport import NOT_FOUND
from handler.cloud.redaction import UNREADABLE
from handler.jobs.claiming import contradicted
from handler.jobs.decisions import Done, Refused, Unknown, about, known
from handler.jobs.effects import Gone, is_of_before
from handler.jobs.hold import BY_HAND
from handler.jobs.operations import (
    OPERATIONS,
    JobLook,
    OperationResult,
    condition_of,
    not_done,
    result_without_sending,
)
from handler.values.canonical_json import moment, timestamp

if TYPE_CHECKING:
    from datetime import timedelta

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft, Part
    from handler.cloud.ief.client import ShownJob
    from handler.jobs.decisions import Deferred
    from handler.jobs.operations import Operation, OperationAnswer, OperationRequest

_STOPPED = frozenset({"Stopping", STOPPED})
_SETTLED = "the answer was lost, and the fleet shows it"


def claim_operation(
    key: str, request: OperationRequest, *, date: str, lease: timedelta
) -> Decide[JobLook]:
    """Decide whether this instance may send an operation on a job now.

    Args:
        key: The job's key.
        request: What is asked for.
        date: The date of the signature the request will leave with, a timestamp.
        lease: How long this instance may take to record an answer.
    """

    def decide(view: View) -> Decision[JobLook]:
        job, operation = known(view, key), request.operation
        result = result_without_sending(view, job, request)
        if result:
            return Decision(JobLook(job, view.now, result))
        if not view.matches_record(job):
            draft = contradicted(job)
            result = OperationResult("not done", draft.note, job)
            said = view.is_contradicted(draft.note)
            return Decision(JobLook(job, view.now, result), () if said else (draft,))
        lease_until = timestamp(view.now + lease)
        claimed = job._replace(operation=operation.name, date=date, lease_until=lease_until)
        draft = about(job)._replace(
            action=operation.claimed,
            actor=request.actor,
            request={"operation": operation.call, "date": date, "lease_until": lease_until},
            note=request.reason,
        )
        return Decision(JobLook(claimed, view.now, None), (draft,))

    return decide


def record_operation(
    claimed: JobState, request: OperationRequest, answer: OperationAnswer
) -> Decide[OperationResult]:
    """Decide what an answer to a claimed operation changes, whenever it comes.

    One that comes after the claim was settled changes nothing. Without an answer, and after a
    deletion of what the API does not know, the claim stays and is settled.
    """
    operation = request.operation

    def decide(view: View) -> Decision[OperationResult]:
        job = known(view, claimed.key)
        if isinstance(answer, Done):
            if not _is_claim(job, claimed):
                return Decision(_result(job, operation))
            note = request.reason or BY_HAND
            done = about(job)._replace(
                action=operation.done,
                outcome="success",
                actor=request.actor,
                response={"job_id": job.job_id},
                note=note,
            )
            return _recorded(done, _done(job, operation))
        gone = operation.name == "delete" and answer.status == NOT_FOUND
        if isinstance(answer, Unknown) or gone or not _is_claim(job, claimed):
            return Decision(_unknown(job, operation, answer.reason))
        again = "" if isinstance(answer, Refused) else "; it may be tried again"
        result, draft = _unchanged(job, operation, f"{answer.reason}{again}", answer)
        return _recorded(draft._replace(actor=request.actor), result)

    return decide


def settle_operation(
    claimed: JobState, shown: ShownJob | Gone, *, fenced: bool
) -> Decide[OperationResult | None]:
    """Decide what a look at a job says about a claimed operation whose answer is not known.

    Args:
        claimed: The job, with the claim in its state.
        shown: What the API showed of it.
        fenced: Whether it was asked so late after the signature's date that the request cannot
            be executed any more, and that what the API shows has caught up; until then what it
            dates before the request proves nothing. A job that has succeeded is not paused any
            more in any case.
    """
    operation = OPERATIONS[claimed.operation]
    lags = not (fenced or isinstance(shown, Gone)) and _may_be_of_before(claimed, shown)

    def decide(view: View) -> Decision[OperationResult | None]:
        job = known(view, claimed.key)
        if not _is_claim(job, claimed):
            return Decision(_result(job, operation))
        if lags:
            return Decision(None)
        if _is_done(job, operation, shown, fenced=fenced):
            status = "it is gone" if isinstance(shown, Gone) else shown.status
            done = about(job)._replace(
                action=operation.done,
                outcome="success",
                response={"job_id": job.job_id},
                note=f"{_SETTLED}: {status}",
            )
            return _recorded(done, _done(job, operation))
        # One that failed could be retried while the request to pause it is still under way.
        succeeded = operation.name == "pause" and getattr(shown, "status", "") == SUCCESSFUL
        if not (fenced or succeeded):
            return Decision(None)
        status = "does not know the job" if isinstance(shown, Gone) else f"shows {shown.status}"
        result, draft = _unchanged(job, operation, f"the answer was lost, and IEF {status}")
        return _recorded(draft, result)

    return decide


def _recorded(draft: Draft, result: OperationResult) -> Decision[OperationResult]:
    """Return a decision that appends a record about a job, and gives the result with its state."""
    key = str(draft.job["key"])
    return followed_by((draft,), lambda view: Decision(result._replace(job=known(view, key))))


def _is_done(job: JobState, operation: Operation, shown: ShownJob | Gone, *, fenced: bool) -> bool:
    """Return whether what the API shows of a job proves that an operation was done.

    That the API does not know a job is believed once it has caught up, and a status that cannot be
    read proves nothing. A retry of a job that has ended again shows in another result, or in a
    later end.
    """
    if isinstance(shown, Gone):
        return operation.name == "delete" and fenced
    if shown.status in ("", UNREADABLE):
        return False
    if operation.name == "pause":
        return shown.status in _STOPPED
    if operation.name == "resume":
        return shown.status not in _STOPPED
    if operation.name == "retry":
        # Tasks of a job that timed out may succeed late, which is no sign of a retry.
        more = shown.succeeded != job.succeeded and job.finished != "Timed_out"
        # What a job was given up with is no end: another status is no sign of a retry either.
        same = (shown.status == job.finished or job.finished not in ENDED) and not more
        later = shown.updated_at > (job.ended_at or moment(job.date).timestamp())
        return shown.status not in ENDED or not same or later
    return False


def _may_be_of_before(claimed: JobState, shown: ShownJob) -> bool:
    """Return whether the API may still show a job as it was before the claimed request.

    One that never ran once more was not stopped before it was paused: `Stopped` counts at once.
    """
    if claimed.operation == "pause" and shown.status in _STOPPED:
        return bool(claimed.ended_at)
    return is_of_before(shown, int(moment(claimed.date).timestamp()) - 1)


def _is_claim(job: JobState, claimed: JobState) -> bool:
    """Return whether a claim is the one in a job's state."""
    claims = [(one.operation, one.date, one.lease_until) for one in (job, claimed)]
    return claims[0] == claims[1]


def _unchanged(
    job: JobState, operation: Operation, why: str, answer: Refused | Deferred | None = None
) -> tuple[OperationResult, Draft]:
    result = not_done(job, f"was not {operation.participle}: {why}")
    response: Part = {
        "job_id": job.job_id,
        "status": (answer.status if answer else 0) or None,
        "code": (answer.code if answer else "") or None,
    }
    draft = about(job)._replace(
        action="job.unchanged",
        outcome="failure",
        request={"operation": operation.call},
        response=response,
        note=f"not {operation.participle}: {why}",
    )
    return result, draft


def _result(job: JobState, operation: Operation) -> OperationResult:
    """Return the result of an answer, or of a look, that came after its claim was settled."""
    if condition_of(job) == operation.so if operation.so else not job.finished:
        return _done(job, operation)
    return _unknown(job, operation, "it was settled before the answer came")


def _done(job: JobState, operation: Operation) -> OperationResult:
    return OperationResult("done", f"job {job.name} is {operation.participle}", job)


def _unknown(job: JobState, operation: Operation, why: str) -> OperationResult:
    then = (
        "the reconciler settles it" if job.operation else f"see `nightdrop audit show {job.name}`"
    )
    return OperationResult(
        "unknown",
        f"job {job.name}: it is not known whether it was {operation.participle} ({why}); {then}",
        job,
    )
