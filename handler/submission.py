"""Sign, claim, send, record: one job, at most once, whatever happens in between.

A submission is a generator of effects. It decides nothing about time, network or storage itself:
whoever drives it carries each effect out and sends back what came of it. Production drives it
with real services, a simulation with invented ones. The process may die between any two effects:

    Sign            nothing has happened yet
    Commit(claim)   durable before the request leaves, with the date of its signature
    Send            the date is the fence: the gateway refuses it 15 minutes later
    Commit(record)  without this record the claim's lease runs out, and the job is unknown
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from handler.errors import ApiError, CloudError, NotSentError
from handler.transitions import (
    Answer,
    Created,
    Deferred,
    Refused,
    Unknown,
    claim,
    defer,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from handler.audit.log import Decide, Log
    from handler.audit.record import Part
    from handler.cloud.ief import Ief
    from handler.cloud.transport import Request
    from handler.deadline import Deadline

AUTHENTICATION_FAILED = "IEF.011005"
"""What IEF answers, with status 400, to a signature it does not accept."""

_LATER = frozenset({401, 403, 429})
_NOT_KNOWN = 408


@dataclass(frozen=True)
class TimeLeft:
    """Ask how many seconds the invocation still has."""


@dataclass(frozen=True)
class Sign:
    """Sign the request that creates a job, dated now."""

    body: str


@dataclass(frozen=True)
class Commit:
    """Run a decision on the log, durably."""

    decide: Decide[Any]


@dataclass(frozen=True)
class Send:
    """Let a signed request leave, once."""

    request: Request


Effect: TypeAlias = "TimeLeft | Sign | Commit | Send"


@dataclass(frozen=True)
class Sender:
    """Who submits, and how long it must expect an answer to take.

    Attributes:
        function: The function's name, version and request id, for the records.
        patience: Seconds one request and the record of its answer may take together.
    """

    function: Part
    patience: float


class Services(Protocol):
    """What carrying out the effects of a submission needs."""

    @property
    def log(self) -> Log:
        """The audit log."""

    @property
    def ief(self) -> Ief:
        """The fleet's API."""

    @property
    def deadline(self) -> Deadline:
        """The end of the invocation."""


def submission(key: str, body: str, sender: Sender) -> Generator[Effect, Any, None]:
    """Yield the effects that bring one planned job to the API.

    Args:
        key: The job's key.
        body: Its request body, mark included.
        sender: Who submits.
    """
    left = yield TimeLeft()
    if left < sender.patience:
        yield Commit(defer(key, "no time was left to send it", function=sender.function))
        return
    request = yield Sign(body)
    lease = timedelta(seconds=left)
    claimed = yield Commit(claim(key, date=request.date, lease=lease, function=sender.function))
    if not claimed.attempt:
        return
    answer = yield Send(request)
    yield Commit(record(key, claimed.attempt, answer, function=sender.function))


def drive(effects: Generator[Effect, Any, None], services: Services) -> None:
    """Carry the effects out for real, one after the other.

    Raises:
        LogError: The log could not be written; the job stands as its records leave it.
    """
    try:
        effect = next(effects)
        while True:
            effect = effects.send(_carried_out(effect, services))
    except StopIteration:
        return


def _carried_out(effect: Effect, services: Services) -> object:
    if isinstance(effect, TimeLeft):
        return services.deadline.left()
    if isinstance(effect, Sign):
        return services.ief.sign_create(effect.body)
    if isinstance(effect, Commit):
        return services.log.commit(effect.decide).value
    try:
        return Created(services.ief.create(effect.request))
    except CloudError as error:
        return answer_of(error)


def answer_of(error: CloudError) -> Answer:
    """Return what a failed call says about the job: never there, refused, later, or not known.

    A 4xx is a decision of the API, but for time-outs; authentication, permission and quota may be
    mended; from 5xx on anything may have happened before the failure.
    """
    if isinstance(error, NotSentError):
        return Deferred(str(error))
    if not isinstance(error, ApiError):
        return Unknown(str(error))
    if (
        error.status in _LATER
        or error.code == AUTHENTICATION_FAILED
        or "quota" in str(error).lower()
    ):
        return Deferred(str(error), error.status, error.code)
    if 400 <= error.status < 500 and error.status != _NOT_KNOWN:  # noqa: PLR2004 - the API's no
        return Refused(str(error), error.status, error.code)
    return Unknown(str(error), error.status)
