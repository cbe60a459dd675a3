"""Sign, claim, send, record: one job, at most once, whatever happens in between.

A submission is a generator of effects. It decides nothing about time, network or storage itself:
its runner executes each effect and sends back the result. The process may die or
freeze between any two of them:

    AwaitTurn, Sign nothing has happened yet
    Commit(claim)   durable before the request leaves, with the date of its signature; the first
                    job of a delivery is signed before its plan, and claimed in the plan's commit
    TimeLeft        frozen meanwhile? then it is not sent
    Send            the date is the fence: the gateway refuses it 15 minutes later
    Commit(record)  without this record the claim's lease runs out, and the job is unknown
"""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING

from handler.cloud.http_transport import TOO_MANY, is_denied
from handler.errors import ApiError, NotSentError, is_about_quota
from handler.jobs.decisions import (
    NO_TIME,
    SENDABLE,
    Answer,
    Deferred,
    Refused,
    Unknown,
    defer,
    record,
    request_lost,
)
from handler.jobs.effects import AwaitTurn, Send, Sign, TimeLeft, ask, commit
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.cloud.http_transport import Request
    from handler.errors import CloudError
    from handler.jobs.effect_runner import EffectRunner
    from handler.jobs.effects import Asking, SendSettings

AUTHENTICATION_FAILED = "IEF.011005"
"""What IEF answers, with status 400, to a signature it does not accept."""

TRIES = 5
"""How often one invocation sends a job that the API asks to be sent later."""

_LATER = frozenset({401, 403, TOO_MANY})


class Signed(NamedTuple):
    """A signed request, and how long this instance may take to record its answer."""

    request: Request
    lease: timedelta


class Claimed(NamedTuple):
    """A signed request that may leave once for a job: its attempt is in the log."""

    key: str
    request: Request
    attempt: int


def submission(
    key: str, body: str | None, sending: SendSettings, claimed: Claimed | None = None
) -> Asking[JobState]:
    """Yield the effects that bring one planned job to the API; return the job as they leave it.

    Args:
        key: The job's key.
        body: Its request body, mark included; None if the outbox has none (any more).
        sending: How it is sent and settled.
        claimed: What was claimed for it already, with its plan.
    """
    for _ in range(TRIES):
        current = claimed or (yield from _claimed(key, body, sending))
        if not isinstance(current, Claimed):
            return current
        in_time = (yield from ask(TimeLeft())) >= sending.seconds_per_request
        answer = (yield from ask(Send(current.request))) if in_time else Deferred(NO_TIME)
        job = yield from commit(record(key, current.attempt, answer))
        if not (isinstance(answer, Deferred) and answer.status == TOO_MANY):
            break
        claimed = None
    return job


def submit_all(
    jobs: Sequence[JobState],
    runner: EffectRunner,
    sending: SendSettings,
    claimed: Claimed | None = None,
) -> list[JobState]:
    """Send the jobs that can be sent, in threads; return them as that leaves them.

    A failure of one stops no other. A job whose lease has expired becomes unknown.

    Args:
        jobs: The jobs.
        runner: Carries the effects out.
        sending: How it is sent and settled.
        claimed: The claim that was made with the plan of one of them.
    """
    claimable = SENDABLE | {"sending"}
    keys = [job.key for job in jobs if job.state in claimable]
    claims = {claimed.key: claimed} if claimed else {}
    known = {key: one.request.body.decode() for key, one in claims.items()}
    bodies = {**runner.log.bodies([key for key in keys if key not in known]), **known}
    return runner.drive_all(
        [submission(key, bodies.get(key), sending, claims.get(key)) for key in keys],
        senders=sending.senders,
    )


def sign_ahead(body: str, sending: SendSettings) -> Asking[Signed | None]:
    """Sign the request of a job that is planned next; None if it could not be sent at once."""
    left = yield from ask(AwaitTurn(inf))
    if left < sending.seconds_per_request:
        return None
    request = yield from ask(Sign(body))
    return None if isinstance(request, Deferred) else Signed(request, timedelta(seconds=left))


def _claimed(key: str, body: str | None, sending: SendSettings) -> Asking[Claimed | JobState]:
    """Sign and claim a planned job; record why, and return the job, if that cannot be done."""
    if body is None:
        return (yield from commit(request_lost(key)))
    from handler.jobs.claiming import claim_planned  # most jobs are claimed with their plan

    left = yield from ask(AwaitTurn(sending.seconds_per_request))
    if left < sending.seconds_per_request:
        return (yield from commit(defer(key, NO_TIME)))
    request = yield from ask(Sign(body))
    if isinstance(request, Deferred):
        return (yield from commit(defer(key, request.reason)))
    lease = timedelta(seconds=left)
    claim = yield from commit(claim_planned(key, body=body, date=request.date, lease=lease))
    return Claimed(key, request, claim.attempt) if claim.attempt else claim.job


def answer_of(error: CloudError) -> Answer:
    """Return what a failed call means for the job: not sent, refused, later, or unknown.

    A 4xx is a decision of the API, but for time-outs; authentication, permission and quota may be
    corrected; from 5xx on anything may have happened before the failure.
    """
    if isinstance(error, NotSentError):
        return Deferred(str(error))
    if not isinstance(error, ApiError):
        return Unknown(str(error))
    if not is_denied(error.status):
        return Unknown(str(error), error.status)
    passing = error.status in _LATER or error.code == AUTHENTICATION_FAILED
    if passing or is_about_quota(str(error)):
        return Deferred(str(error), error.status, error.code)
    return Refused(str(error), error.status, error.code)
