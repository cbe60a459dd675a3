"""Follow: to learn how a job ended on the fleet.

A job with a claimed operation is settled first. A paused job stays followed and has not ended.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from handler.audit.job_end import ENDED, STOPPED, SUCCESSFUL
from handler.audit.job_state import DELETED
from handler.audit.log import Decision, followed_by
from handler.jobs.breaker import trip
from handler.jobs.decisions import about, known
from handler.jobs.effects import Gone, TimeLeft, ask, commit, is_of_before, query_of
from handler.schedule.rollout_settings import JOB_SECONDS
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft
    from handler.cloud.ief.client import ShownJob
    from handler.jobs.effects import Asking, SendSettings

FOLLOWED_FOR = timedelta(days=1)
"""After this a job that never ends is no longer queried; the API gives it ten minutes."""

_GIVEN_UP = "it did not end in the time that it was followed for"
_REASONS = 5
_LONGEST_REASON = 200


def following(job: JobState, now: datetime, sending: SendSettings) -> Asking[JobState]:
    """Yield the effects that learn how a job on the fleet ended, and return the job.

    It is asked for if there is time. A job that still runs costs the log nothing.
    """
    if (yield from ask(TimeLeft())) < sending.seconds_per_request:
        return job
    answer = yield from ask(query_of(job))
    if answer is None or not _end(job, answer, now, sending):
        return job
    return (yield from commit(finish(job, answer, sending)))


def finish(seen: JobState, answer: ShownJob | Gone, sending: SendSettings) -> Decide[JobState]:
    """Decide whether a job on the fleet has ended, counted from its tasks; answers the job.

    That the API does not know it is believed only after the time a list may lag behind. The
    circuit breaker is decided in the same commit.

    Args:
        seen: The job's state before the API was asked. If there is a newer record of it, such as
            that it was resumed, the answer may be of before, and counts for nothing.
        answer: What the API showed.
        sending: How it is sent and settled.
    """

    def decide(view: View) -> Decision[JobState]:
        job = known(view, seen.key)
        drafts = _end(job, answer, view.now, sending) if job.seq == seen.seq else ()
        if drafts and job.rollout:
            # Loaded where it is needed: most jobs are of no rollout.
            from handler.jobs.node_outcomes import ended_nodes

            drafts = (*drafts, *ended_nodes(view, job, drafts[0], answer))
        return followed_by(drafts, tripped) if drafts else finished(view)

    def tripped(view: View) -> Decision[JobState]:
        return followed_by(trip(sending.breaker, view), finished)

    def finished(view: View) -> Decision[JobState]:
        return Decision(known(view, seen.key))

    return decide


def _end(
    job: JobState, answer: ShownJob | Gone, now: datetime, sending: SendSettings
) -> tuple[Draft, ...]:
    """Return the record that a job has ended; none if it has not, or that is known.

    An operation that is claimed is settled first. A paused job has not ended. A job that runs once
    more may still be shown as it ended before.
    """
    if not job.followed or job.operation:
        return ()
    age, lag = now - moment(job.changed_at), timedelta(seconds=sending.settle_after)
    if isinstance(answer, Gone):
        return () if age < lag else (_deleted(job),)
    # A job that runs once more was stopped before: clocks may differ by more than it ran since.
    is_old = is_of_before(answer, job.ended_at) or answer.status == STOPPED
    if job.ended_at and is_old and now - _moment_of(job.ended_at) < lag:
        return ()
    if job.paused:
        return _while_paused(job, answer, resumed=age >= lag)
    if answer.status in ENDED or age > _longest(job, sending):
        return (_finished(job, answer),)
    return ()


def _moment_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _longest(job: JobState, sending: SendSettings) -> timedelta:
    """Return how long a job is followed: the gate of a rollout does not wait for a day."""
    if not job.rollout:
        return FOLLOWED_FOR
    return timedelta(seconds=JOB_SECONDS + sending.job_grace)


def _while_paused(job: JobState, answer: ShownJob, *, resumed: bool) -> tuple[Draft, ...]:
    """Return the record that a paused job has ended, or that somebody else has resumed it.

    Args:
        job: The job's state.
        answer: What the API shows.
        resumed: Whether it was paused so long ago that a job that runs was resumed.
    """
    if answer.status in ENDED - {STOPPED}:
        return (_finished(job, answer),)
    if answer.status not in {"Running", "Waiting"} or not resumed:
        return ()
    note = "it runs again: it was resumed outside of Nightdrop"
    return (about(job)._replace(action="job.resumed", outcome="success", note=note),)


def _deleted(job: JobState) -> Draft:
    return about(job)._replace(
        action="job.finished",
        outcome="unknown",
        response={"job_id": job.job_id, "final": DELETED},
        note="it was deleted on the fleet; it is not created again",
    )


def _finished(job: JobState, ended: ShownJob) -> Draft:
    reasons = [reason[:_LONGEST_REASON] for _, reason in ended.tasks if reason][:_REASONS]
    given_up = "" if ended.status in ENDED else _GIVEN_UP
    other = f"it runs on as {job.other_ids}" if job.other_ids else ""
    return about(job)._replace(
        action="job.finished",
        outcome="success" if ended.status == SUCCESSFUL else "failure",
        response={
            "job_id": job.job_id,
            "final": ended.status or "unknown",
            "tasks": len(ended.tasks),
            "succeeded": ended.succeeded,
            "failed": len(ended.tasks) - ended.succeeded,
            "ended_at": ended.updated_at or None,
        },
        note="; ".join(filter(None, [other, given_up, *reasons])),
    )
