"""An event or a command that asks for something to be done with one job.

The job is looked up by its name; the operation is sent, or refused, and answered like a delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.name_lookup import begins, find_job
from handler.errors import EventRejectedError, Problem
from handler.jobs.decisions import abandon
from handler.jobs.hold import BY_HAND
from handler.jobs.operation_submission import operation_submission
from handler.jobs.operations import (
    OPERATIONS,
    OperationRequest,
    OperationResult,
    being_sent,
    not_done,
)
from handler.runtime.response import Result
from handler.values.display import display

if TYPE_CHECKING:
    from handler.audit.job_state import JobState
    from handler.audit.log import Log, View
    from handler.audit.record import Part
    from handler.jobs.effect_runner import EffectRunner
    from handler.jobs.effects import SendSettings
    from handler.runtime.response import ReplyOutcome
    from handler.triggers.delivery import Action

REPLY_OUTCOMES: dict[str, ReplyOutcome] = {
    "done": "completed",
    "so": "completed",
    "not done": "rejected",
    "unknown": "deferred",
}
"""The outcome of a reply, by what became of a request."""


def run_request(action: Action, runner: EffectRunner, sending: SendSettings) -> Result:
    """Do what an action asks for with one job, and return its result.

    Raises:
        EventRejectedError: No single job is meant, as `find_operable` has it.
        LogError: The log could not be read or written.
    """
    log = runner.log
    try:
        job = log.read(lambda view: find_operable(view, action.job))
    except LookupError as error:
        raise EventRejectedError([Problem(str(error.args[0]), "job")]) from None
    name = action.name.removeprefix("job.")
    if name == "abandon":
        said = abandon_job(job, action.reason, action.actor, log)
    else:
        request = OperationRequest(OPERATIONS[name], action.actor, action.reason, action.asked_at)
        said = runner.drive(operation_submission(job.key, request, sending))
    sentences = () if said.outcome == "done" else (said.sentence,)
    return Result(
        job.delivery,
        REPLY_OUTCOMES[said.outcome],
        (said.job or job,),
        errors=() if said.outcome == "so" else sentences,
        warnings=sentences if said.outcome == "so" else (),
    )


def find_operable(view: View, what: str) -> JobState:
    """Return the job with a name, id or key, as `find_job` does, to operate on it.

    Raises:
        LookupError: As for `find_job`; also if it is the id of a copy that is not operated on.
    """
    job = find_job(view, what)
    copies = [one for one in job.other_ids.split() if begins(what, [one])]
    if not copies or begins(what, (job.key, job.name, job.job_id)):
        return job
    copy, first = display(copies[0]), display(job.job_id)
    raise LookupError(
        f"{copy} is another copy of job {job.name}: `nightdrop jobs delete {job.name}` deletes "
        f"{first}, and the job goes on as the copy that is left; to keep {first}, delete {copy} at "
        "IEF"
    )


def abandon_job(job: JobState, reason: str, actor: Part, log: Log) -> OperationResult:
    """Give a job up, so that it is never sent (again), and return what became of that."""
    if job.state == "abandoned":
        return OperationResult("so", f"job {job.name} is abandoned already", job)
    job = log.commit(abandon(job.key, reason or BY_HAND, actor=actor)).value
    if job.state == "abandoned":
        return OperationResult("done", f"job {job.name} is abandoned", job)
    return not_done(job, f"cannot be abandoned: it {_why(job)}")


def _why(job: JobState) -> str:
    if job.state == "sending":
        return being_sent(job)
    if job.finished == "deleted":
        return "was deleted at IEF"
    on_fleet = "; `nightdrop jobs delete` deletes it at IEF" if job.job_id else ""
    return f"is {job.state}{on_fleet}"
