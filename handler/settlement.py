"""Settle: to learn the true outcome of a send whose answer was lost, and how a job ended.

    unknown ──► adopted    the list has a job with our mark, name and type
            ──► absent     a complete list has none, begun `settle_after` after the signature's date
            ──► refused    absent, and the API had refused it: it was no job of ours in the way
            ──► unknown    too early to say, the list incomplete, marks are being lost, or a job
                           without a mark has its name (`job.doubted`)

The mark is looked for in the description, which the list returns. When a job that is known by its
id is listed without its mark, the list can no longer show that a job is absent: that conclusion
is suspended until a person releases it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.job_end import DELETED, ENDED
from handler.audit.log import Decision
from handler.canonical import moment, shown
from handler.effects import Commit, Gone, Look, Show, TimeLeft
from handler.specs.plan import mark_of
from handler.submission import NOT_KNOWN
from handler.transitions import about, duplicate_note, known, lease_over, silent

if TYPE_CHECKING:
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft, Part
    from handler.audit.state import JobState
    from handler.cloud.ief import ListedJob, ShownJob
    from handler.effects import Effects, Listing, Sender

CLOCK_SKEW = timedelta(minutes=5)
"""How far the API's clock may be behind ours when a listing is said to reach back far enough."""

FOLLOWED_FOR = timedelta(days=1)
"""After this a job that never ends is no longer asked after; the API gives it ten minutes."""

_REASONS = 5
_LONGEST_REASON = 200


def settlement(job: JobState, sender: Sender) -> Effects:
    """Yield the effects that settle one job whose outcome is not known.

    Args:
        job: The job as it stands, `unknown`, or `sending` with its lease over.
        sender: Who settles.
    """
    listing = yield Look(job.type, moment(job.date) - CLOCK_SKEW)
    yield Commit(check_marks(listing, function=sender.function))
    yield Commit(settle(job.key, listing, sender))


def following(job: JobState, sender: Sender) -> Effects:
    """Yield the effects that learn how a job on the fleet ended, if there is time to ask."""
    if (yield TimeLeft()) < sender.patience:
        return
    answer = yield Show(job.job_id)
    if answer is not None:
        yield Commit(finish(job.key, answer, sender))


def settle(key: str, listing: Listing, sender: Sender) -> Decide[None]:
    """Decide what a listing says about a job whose outcome is not known."""

    def decide(view: View) -> Decision[None]:
        job = known(view, key)
        if job.state == "sending" and lease_over(job, view.now):
            return Decision(None, (silent(job, sender.function), *settled(view, job)))
        return Decision(None, settled(view, job) if job.state == "unknown" else ())

    def settled(view: View, job: JobState) -> tuple[Draft, ...]:
        ours = sorted((one for one in listing.jobs if _is(job, one)), key=_age)
        if ours:
            return _adopted(job, ours, sender.function)
        early = listing.began < moment(job.date) + timedelta(seconds=sender.settle_after)
        if early or not listing.complete or view.switch("suspension"):
            return ()
        alike = next((one for one in listing.jobs if _is_like(job, one)), None)
        return _doubted(job, alike, sender.function) if alike else (_absent(job, sender.function),)

    return decide


def check_marks(listing: Listing, *, function: Part) -> Decide[None]:
    """Decide whether the list still returns marks, by the jobs in it that we know by their id."""

    def decide(view: View) -> Decision[None]:
        if view.switch("suspension"):
            return Decision(None)
        for one in listing.jobs:
            job = None if one.description.startswith("nd-") else view.job_by_id(one.job_id)
            if job and mark_of(job.key) not in one.description:
                return Decision(None, (_suspended(job, function),))
        return Decision(None)

    return decide


def finish(key: str, answer: ShownJob | Gone, sender: Sender) -> Decide[None]:
    """Decide whether a job on the fleet has ended, counted from its tasks.

    That the API does not know it is believed only after the time a list may lag behind.
    """

    def decide(view: View) -> Decision[None]:
        job = known(view, key)
        if not job.followed:
            return Decision(None)
        age = view.now - moment(job.changed_at)
        if isinstance(answer, Gone):
            lagging = age < timedelta(seconds=sender.settle_after)
            return Decision(None, () if lagging else (_deleted(job, sender.function),))
        if answer.status in ENDED or age > FOLLOWED_FOR:
            return Decision(None, (_finished(job, answer, sender.function),))
        return Decision(None)

    return decide


def _is(job: JobState, one: ListedJob) -> bool:
    marked = one.description.split(" ", 1)[0] == mark_of(job.key)
    return marked and one.name == job.name and one.type == job.type


def _is_like(job: JobState, one: ListedJob) -> bool:
    """Return whether a listed job might be ours without its mark."""
    unmarked = not one.description.startswith("nd-")
    since = (moment(job.date) - CLOCK_SKEW).timestamp()
    young = not 0 < one.created_at < since  # 0: the list does not say
    return unmarked and young and one.name == job.name and one.type == job.type


def _age(one: ListedJob) -> tuple[int, str]:
    return one.created_at, one.job_id


def _adopted(job: JobState, ours: list[ListedJob], function: Part) -> tuple[Draft, ...]:
    oldest, *others = ours
    draft = about(job, function)
    adopted = replace(
        draft,
        action="job.adopted",
        outcome="success",
        response={"job_id": oldest.job_id},
        note="found in the API's list by its mark",
    )
    duplicated = tuple(
        replace(
            draft,
            action="job.duplicated",
            outcome="failure",
            response={"job_id": one.job_id},
            note=duplicate_note(oldest.job_id, one.job_id),
        )
        for one in others
    )
    return adopted, *duplicated


def _doubted(job: JobState, alike: ListedJob, function: Part) -> tuple[Draft, ...]:
    note = (
        f"job {alike.job_id} has its name but no mark: it may be ours; look at the fleet, then "
        f"delete that job or `nightdrop job abandon {shown(job.key)}`"
    )
    doubted = replace(about(job, function), action="job.doubted", outcome="unknown", note=note)
    return () if job.note == note else (doubted,)


def _absent(job: JobState, function: Part) -> Draft:
    draft = about(job, function)
    if 400 <= job.status < 500 and job.status != NOT_KNOWN:  # noqa: PLR2004 - the API's no
        return replace(
            draft,
            action="job.refused",
            outcome="failure",
            response={"status": job.status},
            note=f"refused, and no earlier attempt created it: {job.note}",
        )
    return replace(draft, action="job.absent", note="a complete list does not have it")


def _suspended(job: JobState, function: Part) -> Draft:
    return replace(
        about(job, function),
        action="settling.suspended",
        outcome="failure",
        note=f"job {job.name} ({shown(job.key)}) is listed without its mark, so no job can be "
        "found absent; look at the fleet, then `nightdrop release`",
    )


def _deleted(job: JobState, function: Part) -> Draft:
    return replace(
        about(job, function),
        action="job.finished",
        outcome="unknown",
        response={"job_id": job.job_id, "final": DELETED},
        note="somebody deleted it; it is not created again",
    )


def _finished(job: JobState, ended: ShownJob, function: Part) -> Draft:
    succeeded = sum(status == "Successful" for status, _ in ended.tasks)
    reasons = [reason[:_LONGEST_REASON] for _, reason in ended.tasks if reason][:_REASONS]
    given_up = "" if ended.status in ENDED else "it was followed for a day and did not end"
    return replace(
        about(job, function),
        action="job.finished",
        outcome="success" if ended.status == "Successful" else "failure",
        response={
            "job_id": job.job_id,
            "final": ended.status or "unknown",
            "tasks": len(ended.tasks),
            "succeeded": succeeded,
            "failed": len(ended.tasks) - succeeded,
        },
        note="; ".join(filter(None, [given_up, *reasons])),
    )
