"""Sign, claim, send, record: one operation on a job, as `submission` creates one.

    Commit(look)     nothing to send? then that is the answer
    AwaitTurn, Sign  nothing has happened yet
    Commit(claim)    durable before the request leaves, with the date of its signature
    TimeLeft         frozen meanwhile? then it is not sent
    SendOperation    the date is the fence: the gateway refuses it 15 minutes later
    Commit(record)   without this record the claim's lease runs out, and the reconciler settles it

A claim whose answer is not known is settled by a look at the job: at once if the job shows that it
was done, and as not done only `settle_after` seconds after the signature's date.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.jobs.decisions import NO_TIME, Deferred, lease_over
from handler.jobs.effects import (
    AwaitTurn,
    SendOperation,
    ShowJob,
    SignOperation,
    TimeLeft,
    ask,
    commit,
)
from handler.jobs.operation_decisions import claim_operation, record_operation, settle_operation
from handler.jobs.operations import OperationResult, look_at_job
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.jobs.effects import Asking, SendSettings
    from handler.jobs.operations import OperationRequest


def operation_submission(
    key: str, request: OperationRequest, sending: SendSettings
) -> Asking[OperationResult]:
    """Yield the effects that bring an operation on a job to the API; answer what became of it.

    Args:
        key: The job's key.
        request: What is asked for, and by whom.
        sending: How it is sent and settled.
    """
    found = yield from commit(look_at_job(key, request))
    if found.job.operation and lease_over(found.job, found.now):
        yield from operation_settlement(found.job, found.now, sending)
        found = yield from commit(look_at_job(key, request))
    if found.result:
        return found.result
    left = yield from ask(AwaitTurn(sending.seconds_per_request))
    signed = (
        (yield from ask(SignOperation(request.operation.call, found.job.job_id)))
        if left >= sending.seconds_per_request
        else Deferred(NO_TIME)
    )
    if isinstance(signed, Deferred):
        return OperationResult("not done", f"job {found.job.name}: {signed.reason}", found.job)
    lease = timedelta(seconds=left)
    claim = yield from commit(claim_operation(key, request, date=signed.date, lease=lease))
    if claim.result:
        return claim.result
    in_time = (yield from ask(TimeLeft())) >= sending.seconds_per_request
    answer = (yield from ask(SendOperation(signed))) if in_time else Deferred(NO_TIME)
    result = yield from commit(record_operation(claim.job, request, answer))
    if result.outcome != "unknown":
        return result
    settled = yield from operation_settlement(claim.job, claim.now, sending)
    return settled or result


def operation_settlement(
    claimed: JobState, now: datetime, sending: SendSettings
) -> Asking[OperationResult | None]:
    """Yield the effects that learn whether a claimed operation was done, if there is time to ask.

    Args:
        claimed: The job's state, with the claim.
        now: The store's clock before the API is asked.
        sending: How it is sent and settled.
    """
    if (yield from ask(TimeLeft())) < sending.seconds_per_request:
        return None
    shown = yield from ask(ShowJob(claimed.job_id))
    if shown is None:
        return None
    fenced = now >= moment(claimed.date) + timedelta(seconds=sending.settle_after)
    return (yield from commit(settle_operation(claimed, shown, fenced=fenced)))
