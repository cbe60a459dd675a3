"""Operations on a job at the API, asked for by a person: pause, resume, retry, delete.

They are decided as its creation is: a claim is on record before the request leaves, and the answer
after it. What is so already is answered so; what the job's state does not allow is refused. Both
without a request. The rest is the API's decision.

a job that                  pause     resume    retry     delete
is being sent               refused   refused   refused   refused (until its lease ends)
has no id at the API        refused   refused   refused   refused (`nightdrop jobs abandon`)
runs on the fleet           claimed   so        refused   claimed
is paused                   so        claimed   refused   claimed
was stopped by others       refused   claimed   refused   claimed
succeeded                   refused   refused   refused   claimed
ended otherwise             refused   refused   claimed   claimed
was deleted                 refused   refused   refused   so
has a claimed operation     refused   refused   refused   refused
follows its rollout         refused   refused   as above  as above

A request that says when it was asked for is refused if the job has changed since: it may be a copy
that comes late. A deletion cannot happen twice, so its time does not count.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.audit.job_end import STOPPED, SUCCESSFUL, shown_state
from handler.audit.job_state import DEAD, DELETED
from handler.audit.log import Decision
from handler.jobs.decisions import Refused, Unknown, is_being_sent, known, lease_over
from handler.values.canonical_json import moment, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handler.audit.job_state import JobState, OperationWord
    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.jobs.decisions import Deferred, Done


class Operation(NamedTuple):
    """An operation on a job.

    Attributes:
        name: Its name, as commands and events have it.
        call: Its name in the API.
        claimed: The action of its claim.
        done: The action of its success.
        allowed: What a job must be for it, in the words of `condition_of`.
        so: What a job is once it is done; "" if that cannot be told.
    """

    name: OperationWord
    call: str
    claimed: str
    done: str
    allowed: frozenset[str]
    so: str = ""

    @property
    def participle(self) -> str:
        """The word for a job it was done to, such as `paused`."""
        return self.done.removeprefix("job.")


_ANY = frozenset({"running", "paused", "stopped", "succeeded", "ended", "duplicated"})
_OPERATIONS = (
    Operation(
        *("pause", "StopBatchJob", "job.pausing", "job.paused"), frozenset({"running"}), "paused"
    ),
    Operation(
        *("resume", "RestoreBatchJob", "job.resuming", "job.resumed"),
        frozenset({"paused", "stopped"}),
        "running",
    ),
    Operation("retry", "RetryBatchJob", "job.retrying", "job.retried", frozenset({"ended"})),
    Operation("delete", "DeleteBatchJob", "job.deleting", "job.deleted", _ANY, "deleted"),
)
OPERATIONS: Mapping[str, Operation] = {one.name: one for one in _OPERATIONS}
"""Every operation, by its name."""

_REFUSED = {
    "waiting": "is {state} and has no id at IEF yet; `nightdrop jobs abandon` gives it up",
    "dead": "is {state}: there is nothing of it on the fleet",
    "abandoned": "was abandoned after it was sent; if IEF has it, delete it there",
    "running": "has no end on record: only a job that has ended without success can be retried; if "
    "it has ended on the fleet, `nightdrop reconcile` records that",
    "paused": "is paused; resume it first",
    "stopped": "was stopped on the fleet; `nightdrop jobs resume` continues it",
    "succeeded": "has ended: all its tasks succeeded",
    "ended": "has ended ({finished}); `nightdrop jobs retry` repeats what did not succeed",
    "deleted": "was deleted on the fleet",
    "duplicated": "exists twice at IEF; delete one of the two first",
}
"""Why an operation that a job's state does not allow is refused, by what the job is."""


_AGAIN = {"stopped": "resume", "ended": "retry"}
"""What a job is whose nodes have ended, and the operation that would let them run again."""

_OF_ROLLOUT = (
    "is one of a rollout, and its nodes may be in another job by now; `nightdrop rollout retry` "
    "tries those that failed again"
)

_FOLLOWS = (
    "is paused and resumed with its rollout, whose spec has `running_jobs: pause`; pause or resume "
    "the rollout"
)
_RUNS_OUT = "runs to its end, since its rollout has ended; `nightdrop jobs delete` deletes it"

_LOOK = ", by the log; if it has ended on the fleet, `nightdrop reconcile` records that"

_CLOCKS_DIFFER = timedelta(minutes=5)

OperationAnswer: TypeAlias = "Done | Refused | Deferred | Unknown"


class OperationRequest(NamedTuple):
    """An operation that somebody asks for.

    Attributes:
        operation: Which.
        actor: Who asks, as the records have it.
        reason: Why, for the record; "" if nobody said.
        asked_at: When it was asked for, aware; None if nobody said.
    """

    operation: Operation
    actor: Part
    reason: str = ""
    asked_at: datetime | None = None


class OperationResult(NamedTuple):
    """What became of a request: done, not done, or not known yet, in one sentence.

    Attributes:
        outcome: `so` is done before this request.
        sentence: For a person.
        job: The job as the request leaves it; None if it was about a rollout.
    """

    outcome: Literal["done", "so", "not done", "unknown"]
    sentence: str
    job: JobState | None = None


class JobLook(NamedTuple):
    """A job as it is now, and the result of a request that nothing needs to be sent for.

    Attributes:
        job: Its state; after a claim with the claim in it.
        now: The store's clock.
        result: None if it is to be sent, or was claimed.
    """

    job: JobState
    now: datetime
    result: OperationResult | None


def look_at_job(key: str, request: OperationRequest) -> Decide[JobLook]:
    """Decide nothing; answer whether a request for an operation has to be sent."""

    def decide(view: View) -> Decision[JobLook]:
        job = known(view, key)
        return Decision(JobLook(job, view.now, result_without_sending(view, job, request)))

    return decide


def result_without_sending(
    view: View, job: JobState, request: OperationRequest
) -> OperationResult | None:
    """Return the result of a request that is not sent; None if it is to be sent."""
    operation = request.operation
    if job.operation:
        participle = OPERATIONS[job.operation].participle
        if not lease_over(job, view.now):
            return not_done(job, f"is being {participle} right now; try again later")
        why = f"whether it was {participle} is not known yet: the reconciler settles it"
        return OperationResult("unknown", f"job {job.name}: {why}", job)
    condition = condition_of(job)
    if condition == operation.so:
        look = _LOOK if condition == "running" else ""
        return OperationResult("so", f"job {job.name} is {operation.so} already{look}", job)
    if job.rollout and operation.name == _AGAIN.get(condition):
        return not_done(job, _OF_ROLLOUT)
    if condition not in operation.allowed:
        state, finished = shown_state(job), job.finished
        why = _REFUSED[condition].format(state=state, finished=finished)
        return not_done(job, being_sent(job) if is_being_sent(job, view.now) else why)
    asked_at = request.asked_at if operation.name != "delete" else None
    why = changed_since(asked_at, job.changed_at, view.now) or _held(view, operation)
    why = why or (_follows_rollout(view, job, request) if job.rollout else "")
    return not_done(job, why) if why else None


def _follows_rollout(view: View, job: JobState, request: OperationRequest) -> str:
    """Return why a job that its rollout pauses and resumes is not, when somebody else asks."""
    from handler.schedule.rollout_settings import RolloutSettings  # most jobs are of no rollout

    if request.operation.name not in {"pause", "resume"} or request.actor.get("kind") == "rollout":
        return ""
    rollout = view.rollouts.get(job.rollout)
    if rollout is None or RolloutSettings.from_json(rollout.settings).running_jobs != "pause":
        return ""
    return _RUNS_OUT if rollout.ended else _FOLLOWS


def _held(view: View, operation: Operation) -> str:
    """Return why an operation that starts work on the fleet is not sent while sending is held."""
    held = view.switch("hold") if operation.name in {"resume", "retry"} else ""
    why = f"cannot be {operation.participle} while sending is held ({held}); release it"
    return why if held else ""


def changed_since(asked_at: datetime | None, changed_at: str, now: datetime) -> str:
    """Return why a request is not done because of when it was asked for; "" if it may be done.

    Its first copy changes what it is about, so that no other copy of it is done after that.

    Args:
        asked_at: When it was asked for; None if nobody said, which is always in time.
        changed_at: When what it is about changed last, a timestamp.
        now: The store's clock. Up to five minutes of the future are allowed: clocks differ.
    """
    if asked_at is None:
        return ""
    if asked_at > now + _CLOCKS_DIFFER:
        return (
            f"is left alone: this was asked at {timestamp(asked_at)}, in the future; "
            "check your clock, and ask again"
        )
    if moment(changed_at) < asked_at:
        return ""
    return (
        f"changed at {changed_at}, and this was asked at {timestamp(asked_at)}; "
        "look at it, and ask again"
    )


def condition_of(job: JobState) -> str:
    """Return what a job is as to operations: one word of `_REFUSED`."""
    if not job.job_id:
        sent = job.state == "abandoned" and job.attempt
        return "abandoned" if sent else "dead" if job.state in DEAD else "waiting"
    if job.finished:
        words = {DELETED: "deleted", STOPPED: "stopped", SUCCESSFUL: "succeeded"}
        return words.get(job.finished, "ended")
    if job.state == "duplicated":
        return "duplicated"
    return "paused" if job.paused else "running"


def being_sent(job: JobState) -> str:
    """Return what to do about a job that an instance is sending, as the end of a sentence."""
    until = f"{job.lease_until[:19]}Z"
    return f"is being sent right now, until {until} at the latest; try again after that"


def not_done(job: JobState, why: str) -> OperationResult:
    """Return the result of a request that was not done, with the reason."""
    return OperationResult("not done", f"job {job.name} {why}", job)
