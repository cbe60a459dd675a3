"""The function's reply: small JSON, the same for every trigger."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from handler.audit.job_end import failure_sentence, reasons, shown_state, went_wrong
from handler.audit.job_state import DEAD
from handler.values.canonical_json import short_key
from handler.values.display import display
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.record import Head
    from handler.audit.state import DeliveryState
    from handler.values.canonical_json import Json

ReplyOutcome: TypeAlias = Literal[
    "completed", "submitted", "duplicate", "ignored", "awaiting", "deferred", "partial", "rejected"
]

WORST_LAST: tuple[ReplyOutcome, ...] = get_args(ReplyOutcome)
"""Every outcome, the worst last; a reply has the worst outcome of its deliveries."""


class Result(NamedTuple):
    """The result of one delivery.

    Attributes:
        delivery: Its key.
        outcome: In one word.
        jobs: Its jobs as they stand, those of rollouts aside.
        errors: What is wrong, one sentence each.
        warnings: What should be looked at, such as what may be wrong with the spec; it holds
            nothing up.
        subject: What it is a run of, for errors that do not say what they are about.
        rollouts: How its rollouts stand, as they are shown.
    """

    delivery: str
    outcome: ReplyOutcome
    jobs: tuple[JobState, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    subject: str = ""
    rollouts: tuple[dict[str, Json], ...] = ()


def outcome_of(jobs: Sequence[JobState]) -> ReplyOutcome:
    """Return the outcome of a planned delivery.

    `submitted`: every job was created, and some still run; `completed`: all have ended;
    `partial`: some were refused, expired, or failed on the fleet; `rejected`: none was created;
    `deferred`: some are not sent or settled yet, and the reconciler continues.
    """
    if all(job.state in DEAD for job in jobs):
        return "rejected"
    if any(went_wrong(job) for job in jobs):
        return "partial"
    if not all(job.final for job in jobs):
        return "deferred"
    return "submitted" if any(job.followed for job in jobs) else "completed"


def errors_of(jobs: Sequence[JobState]) -> tuple[str, ...]:
    """Return a sentence for each job that went wrong, and one for each state jobs wait in."""
    sentences = [failure_sentence(job) for job in jobs if went_wrong(job)]
    waiting = [job for job in jobs if not job.final]
    for state in sorted({job.state for job in waiting}):
        alike = [job for job in waiting if job.state == state]
        # Such as a hold, which a person lifts and the reconciler does not.
        why = reasons(alike) if state == "deferred" else ""
        sentences.append(
            f"{len(alike)} of {len(jobs)} jobs {state}{why}: the reconciler resumes them"
        )
    if jobs and all(job.state == "refused" for job in jobs):
        sentences.append("nothing was created; correct the cause, then deliver the same again")
    return tuple(sentences)


def result_of(delivery: str, run: DeliveryState, *, repeated: bool) -> Result:
    """Return the result of a delivery, without the jobs of its rollouts: their gates judge them.

    Args:
        delivery: Its key.
        run: The state of the run it belongs to: its own, or an earlier one's that it repeats.
        repeated: Whether it changed nothing, because all of the run was in the log before.
    """
    notes = tuple(run.note.splitlines())
    if run.state == "received":
        why = f"delivery {short_key(run.key)} was received, and no time was left to process it"
        return Result(delivery, "deferred", errors=(f"{why}; the reconciler continues it",))
    if run.state == "awaiting":
        return Result(delivery, "awaiting", errors=notes)
    if run.state == "planned":
        jobs = tuple(job for job in run.jobs if not job.rollout)
        outcome = "duplicate" if repeated else _outcome_of_plan(jobs, run)
        return Result(delivery, outcome, jobs, errors_of(jobs), notes)
    if run.state == "rejected":
        before = (
            f"delivery {short_key(run.key)} was rejected before; fix the file and drop it again"
        )
        errors = (before, *notes) if repeated else notes
        return Result(delivery, "rejected", errors=errors, subject=run.subject)
    if run.state == "ignored":
        return Result(delivery, "ignored", warnings=notes)
    return Result(delivery, "duplicate")


def _outcome_of_plan(jobs: Sequence[JobState], run: DeliveryState) -> ReplyOutcome:
    """Return the outcome of a planned delivery whose jobs, those of rollouts aside, are given."""
    outcome = outcome_of(jobs) if jobs else "completed"
    if run.rollouts and outcome == "rejected":
        return "partial"
    return "submitted" if run.rollouts_open and outcome == "completed" else outcome


def delivered_again(result: Result, earlier: DeliveryState) -> Result:
    """Return a result that says that an earlier run of the same delivery left nothing, and why."""
    states: set[str] = {job.state for job in earlier.jobs} or {earlier.state}
    first, *more = earlier.note.splitlines() or [""]
    why = reasons(earlier.jobs) or f" ({first}{' …' if more else ''})"
    note = f"this was {' and '.join(sorted(states))} before{why}; delivered again"
    return result._replace(warnings=(note, *result.warnings))


class Answered(NamedTuple):
    """The result of an event, before it is written as a reply.

    Attributes:
        results: The results of its deliveries.
        jobs: Other jobs that a reconciler run worked on, those of rollouts aside.
        errors: What a reconciler run could not do.
        left: How much of each kind a reconciler run left open; None for any other event.
        warnings: What should be looked at.
        checks: What an examination found, ready to be answered.
        facts: What the probe has seen, as NIGHTDROP_FACTS is read.
        plan: What would be done with a spec.
        head: Stands for the end of the log where it could not be read.
    """

    results: Sequence[Result]
    jobs: Sequence[JobState] = ()
    errors: Sequence[str] = ()
    left: Mapping[str, int] | None = None
    warnings: Sequence[str] = ()
    checks: Sequence[dict[str, Json]] = ()
    facts: Mapping[str, Json] = MappingProxyType({})
    plan: Mapping[str, Json] = MappingProxyType({})
    head: Head | None = None


def reply(answered: Answered, head: Head) -> dict[str, Json]:
    """Return the function's answer to one event."""
    outcomes = [result.outcome for result in answered.results]
    if answered.left is not None:
        outcomes.append(_outcome_of_reconciler(answered.left, answered.errors))
        outcomes += ["partial" for job in answered.jobs if went_wrong(job)]
    if answered.checks:
        outcomes.append("partial" if answered.errors else "completed")
    worst = max(map(WORST_LAST.index, outcomes), default=0)
    several = answered.left is not None or len(answered.results) > 1
    errors = [error for result in answered.results for error in _errors(result, named=several)]
    warnings: list[Json] = [text for result in answered.results for text in result.warnings]
    warnings += answered.warnings
    jobs = {job.key: job for result in answered.results for job in result.jobs}
    errors += [
        failure_sentence(job) for job in answered.jobs if went_wrong(job) and job.key not in jobs
    ]
    rollouts: list[Json] = [one for result in answered.results for one in result.rollouts]
    return {
        "outcome": WORST_LAST[worst],
        "deliveries": [short_key(result.delivery) for result in answered.results],
        "jobs": jobs_json(list((jobs | {job.key: job for job in answered.jobs}).values())),
        **({"rollouts": rollouts} if rollouts else {}),
        "errors": [*errors, *answered.errors],
        **({"warnings": warnings} if warnings else {}),
        **({"open": dict(answered.left)} if answered.left is not None else {}),
        **({"checks": list(answered.checks)} if answered.checks else {}),
        **({"facts": dict(answered.facts)} if answered.facts else {}),
        **({"plan": dict(answered.plan)} if answered.plan else {}),
        "head": {"seq": head.seq, "hash": head.hash},
    }


def _outcome_of_reconciler(left: Mapping[str, int], errors: Sequence[str]) -> ReplyOutcome:
    """Return the outcome of a reconciler run: a wait for the fleet or a person is not deferred."""
    waiting = {"followed", "awaiting", "rollouts"}
    if errors or any(count for kind, count in left.items() if kind not in waiting):
        return "deferred"
    return "submitted" if left.get("followed") or left.get("rollouts") else "completed"


def _errors(result: Result, *, named: bool) -> Iterable[str]:
    """Yield a result's errors, each with what it is about where that is not plain."""
    about = f"{display(result.subject)}: " if named and result.subject else ""
    return (f"{about}{error}" for error in result.errors)


def jobs_json(jobs: Sequence[JobState]) -> list[Json]:
    """Return jobs as a reply and a result file show them."""
    return [
        {
            "job_name": job.name,
            "job_id": job.job_id or None,
            "state": shown_state(job),
            **(_end(job) if job.finished else {}),
            "document": job.document,
        }
        for job in jobs
    ]


def _end(job: JobState) -> dict[str, Json]:
    """Return how a job ended on the fleet: the API's own word, its tasks, and why."""
    counts: dict[str, Json] = {"tasks": job.tasks, "succeeded": job.succeeded} if job.tasks else {}
    return {"finished": job.finished, **counts, **({"reason": job.note} if job.note else {})}
