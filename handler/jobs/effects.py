"""Effects that submission and settlement request, as values.

The generators in `submission` and `settlement` yield these and get back their results from
`effect_runner`, which carries them out. Most are named tuples, which a cold start creates five
times as fast as dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide
    from handler.cloud.http_transport import Request
    from handler.cloud.ief.client import ListedJob, ShownJob
    from handler.jobs.breaker import Breaker
    from handler.jobs.decisions import Answer, Deferred
    from handler.jobs.operations import OperationAnswer

T = TypeVar("T")


class AwaitTurn(NamedTuple):
    """Wait while the API has asked for slower senders; answers the seconds left, 0 for too few.

    Attributes:
        spare: Seconds that must be left afterwards, or there is no wait; infinite: never wait.
    """

    spare: float


class TimeLeft:
    """Answers how many seconds the invocation still has."""


class Sign(NamedTuple):
    """Sign the request that creates a job, dated now; answers it, or `Deferred` without keys."""

    body: str


class Commit(NamedTuple):
    """Run a decision on the log, durably; answers its value."""

    decide: Decide[Any]


class Send(NamedTuple):
    """Let a signed request leave, once; answers an `Answer` of `decisions`."""

    request: Request


class SignOperation(NamedTuple):
    """Sign an operation on a job, dated now; answers the request, or `Deferred` without keys.

    Attributes:
        operation: Its name in the API, such as `StopBatchJob`.
        job_id: The API's id of the job.
    """

    operation: str
    job_id: str


class SendOperation(NamedTuple):
    """Let a signed operation leave, once; answers `Done`, or what a creation is answered."""

    request: Request


class ListJobs(NamedTuple):
    """List the jobs of a type that were created since a moment; answers a `Listing`."""

    job_type: str
    since: datetime


class ShowJob(NamedTuple):
    """Query a job; the result is a `ShownJob`, `Gone`, or None if the query failed.

    Attributes:
        job_id: The API's id of the job.
        pods: Whether the pods of its deployments are looked at, once it has ended.
    """

    job_id: str
    pods: bool = False


def query_of(job: JobState) -> ShowJob:
    """Return the query of a job; a task of a deployment counts only with the pod that runs it."""
    return ShowJob(job.job_id, pods=bool(job.rollout) and job.type != "node_upgrade")


def is_of_before(shown: ShownJob, over: int) -> bool:
    """Return whether the API dates what it shows of a job no later than what is over by now.

    It may lag behind then. What it does not date counts as of now. `over` is in seconds since 1970.
    """
    return 0 < shown.updated_at <= over


class Gone:
    """The API no longer knows a job: it was deleted."""


class Listing(NamedTuple):
    """The API's list of jobs of one type, the newest first.

    Attributes:
        jobs: What was listed.
        began: When the first page was asked for, aware.
        complete: Whether every job created since the moment asked for would be in it.
    """

    jobs: tuple[ListedJob, ...]
    began: datetime
    complete: bool


class SendSettings(NamedTuple):
    """The settings by which requests are sent and settled.

    Attributes:
        seconds_per_request: Seconds one request and the record of its answer may take together.
        settle_after: Seconds after a signature's date from which a complete list is believed.
        absent_doubt: Why a list never shows here that a job is absent; "" if it does.
        breaker: When the circuit breaker holds sending; None for never.
        senders: How many threads send at once.
        job_grace: Seconds beyond IEF's ten minutes after which a rollout's job counts as ended.
    """

    seconds_per_request: float
    settle_after: float
    absent_doubt: str = ""
    breaker: Breaker | None = None
    senders: int = 1
    job_grace: int = 300


Effect: TypeAlias = (
    "AwaitTurn | TimeLeft | Sign | Commit | Send | ListJobs | ShowJob | SignOperation"
    " | SendOperation"
)
Asking: TypeAlias = "Generator[Effect, Any, T]"
"""Effects that end in a result."""


@overload
def ask(effect: AwaitTurn | TimeLeft) -> Asking[float]: ...
@overload
def ask(effect: Sign | SignOperation) -> Asking[Request | Deferred]: ...
@overload
def ask(effect: Send) -> Asking[Answer]: ...
@overload
def ask(effect: SendOperation) -> Asking[OperationAnswer]: ...
@overload
def ask(effect: ListJobs) -> Asking[Listing]: ...
@overload
def ask(effect: ShowJob) -> Asking[ShownJob | Gone | None]: ...
def ask(effect: Effect) -> Asking[Any]:
    """Yield an effect and return its result, with the type that the effect has."""
    return (yield effect)


def commit(decide: Decide[T]) -> Asking[T]:
    """Yield a commit and return the value of its decision."""
    value: T = yield Commit(decide)
    return value
