"""Follow: to learn how a job ended on the fleet.

A job with a claimed operation is settled first. A paused job stays followed and has not ended.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.job_end import ENDED
from handler.audit.job_state import DELETED
from handler.audit.log import Decision
from handler.jobs.breaker import trip
from handler.jobs.decisions import about, known
from handler.jobs.effects import Gone, ShowJob, TimeLeft, ask, commit
from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft
    from handler.cloud.ief.client import ShownJob
    from handler.jobs.effects import Effects, Sender

FOLLOWED_FOR = timedelta(days=1)
"""After this a job that never ends is no longer queried; the API gives it ten minutes."""

_REASONS = 5
_LONGEST_REASON = 200


def following(job: JobState, now: datetime, sender: Sender) -> Effects:
    """Yield the effects that learn how a job on the fleet ended, if there is time to ask.

    A job that still runs costs the log nothing.

    Args:
        job: The job's state.
        now: The store's clock.
        sender: Who asks.
    """
    if (yield from ask(TimeLeft())) < sender.seconds_per_request:
        return
    answer = yield from ask(ShowJob(job.job_id))
    if answer is not None and _end(job, answer, now, sender):
        yield from commit(finish(job.key, answer, sender))


def finish(key: str, answer: ShownJob | Gone, sender: Sender) -> Decide[None]:
    """Decide whether a job on the fleet has ended, counted from its tasks.

    That the API does not know it is believed only after the time a list may lag behind. The
    circuit breaker is decided in the same commit.
    """

    def decide(view: View) -> Decision[None]:
        drafts = _end(known(view, key), answer, view.now, sender)
        then = trip(sender.breaker) if drafts and sender.breaker else None
        return Decision(None, drafts, then)

    return decide


def _end(
    job: JobState, answer: ShownJob | Gone, now: datetime, sender: Sender
) -> tuple[Draft, ...]:
    """Return the record that a job has ended; none if it has not, or that is known.

    An operation that is claimed is settled first. A paused job has not ended.
    """
    if not job.followed or job.operation:
        return ()
    age = now - moment(job.changed_at)
    if isinstance(answer, Gone):
        lagging = age < timedelta(seconds=sender.settle_after)
        return () if lagging else (_deleted(job),)
    if job.paused:
        return _while_paused(job, answer, resumed=age >= timedelta(seconds=sender.settle_after))
    if answer.status in ENDED or age > FOLLOWED_FOR:
        return (_finished(job, answer),)
    return ()


def _while_paused(job: JobState, answer: ShownJob, *, resumed: bool) -> tuple[Draft, ...]:
    """Return the record that a paused job has ended, or that somebody else has resumed it.

    Args:
        job: The job's state.
        answer: What the API shows.
        resumed: Whether it was paused so long ago that a job that runs was resumed.
    """
    if answer.status in ENDED - {"Stopped"}:
        return (_finished(job, answer),)
    if answer.status not in {"Running", "Waiting"} or not resumed:
        return ()
    note = "it runs again: it was resumed outside of Nightdrop"
    return (replace(about(job), action="job.resumed", outcome="success", note=note),)


def _deleted(job: JobState) -> Draft:
    return replace(
        about(job),
        action="job.finished",
        outcome="unknown",
        response={"job_id": job.job_id, "final": DELETED},
        note="it was deleted on the fleet; it is not created again",
    )


def _finished(job: JobState, ended: ShownJob) -> Draft:
    reasons = [reason[:_LONGEST_REASON] for _, reason in ended.tasks if reason][:_REASONS]
    given_up = "" if ended.status in ENDED else "it was followed for a day and did not end"
    return replace(
        about(job),
        action="job.finished",
        outcome="success" if ended.status == "Successful" else "failure",
        response={
            "job_id": job.job_id,
            "final": ended.status or "unknown",
            "tasks": len(ended.tasks),
            "succeeded": ended.succeeded,
            "failed": len(ended.tasks) - ended.succeeded,
            "ended_at": ended.updated_at or None,
        },
        note="; ".join(filter(None, [given_up, *reasons])),
    )
