"""Settle: to learn the true outcome of a send whose answer was lost.

    unknown ──► adopted    the list has a job with our mark, name and type
            ──► absent     a complete list lacks it, `settle_after` after the signature's date
            ──► refused    absent, and the API had refused it: it was no job of ours in the way
            ──► unknown    too early to say, the list incomplete, marks are being lost, or a job
                           without a mark has its name (`job.doubted`)

The mark is looked for in the description, which the list returns. When a job that is known by its
id is listed without its mark, the list can no longer show that a job is absent: that conclusion
is suspended until a person releases it. Where `nightdrop probe` has seen that lists cannot show
it, the conclusion is never drawn (`SendSettings.absent_doubt`), and a release changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.cloud.http_transport import is_denied
from handler.jobs.decisions import about, duplicate_note, known, lease_expired, lease_over
from handler.jobs.effects import ListJobs, ask, commit
from handler.specs.planner import mark_of
from handler.values.canonical_json import moment, short_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft
    from handler.cloud.ief.client import ListedJob
    from handler.jobs.effects import Asking, Listing, SendSettings

CLOCK_SKEW = timedelta(minutes=5)
"""How far the API's clock may be behind ours when a listing counts as reaching back far enough."""

_BY_FACTS = (
    "look at the fleet for the jobs that are unknown, then `nightdrop jobs abandon`; a release "
    "counts once new facts say otherwise"
)


def settlement(jobs: Sequence[JobState], sending: SendSettings) -> Asking[tuple[JobState, ...]]:
    """Yield the effects that settle jobs of one type; return the jobs as they leave them.

    One list serves them all. What it says of the jobs is one commit; what it says of the list
    itself, that marks are lost or that it shows no absence, may be one before and one after it.
    """
    since = moment(min(job.date for job in jobs)) - CLOCK_SKEW
    listing = yield from ask(ListJobs(jobs[0].type, since))
    yield from commit(check_marks(listing))
    keys = [job.key for job in jobs]
    settled = yield from commit(settle(keys, listing, sending))
    if sending.absent_doubt:
        yield from commit(suspend(keys, listing, sending))
    return settled


def settle(
    keys: Sequence[str], listing: Listing, sending: SendSettings
) -> Decide[tuple[JobState, ...]]:
    """Decide what a listing says about jobs whose outcomes are not known; answers the jobs."""
    # Looked up, not searched: this is decided while other writers wait.
    marked = _by(listing, lambda one: one.description.split(" ", 1)[0])
    named = _by(listing, lambda one: one.name)

    def decide(view: View) -> Decision[tuple[JobState, ...]]:
        drafts: list[Draft] = []
        suspended = bool(view.switch("suspension") or sending.absent_doubt)
        for job in (known(view, key) for key in keys):
            over = job.state == "sending" and lease_over(job, view.now)
            drafts += [lease_expired(job)] if over else []
            drafts += settled(job, suspended=suspended) if over or job.state == "unknown" else ()
        return followed_by(
            tuple(drafts), lambda view: Decision(tuple(known(view, key) for key in keys))
        )

    def settled(job: JobState, *, suspended: bool) -> tuple[Draft, ...]:
        marks = marked.get(mark_of(job.key), ())
        ours = [one for one in marks if (one.name, one.type) == (job.name, job.type)]
        if ours:
            return _adopted(job, sorted(ours, key=lambda one: (one.created_at, one.job_id)))
        if suspended or not _is_due(job, listing, sending):
            return ()
        alike = next((one for one in named.get(job.name, ()) if _is_like(job, one)), None)
        return _doubted(job, alike) if alike else (_absent(job),)

    return decide


def suspend(keys: Sequence[str], listing: Listing, sending: SendSettings) -> Decide[None]:
    """Decide whether to suspend settling: by the facts, no list shows that a job is absent."""

    def decide(view: View) -> Decision[None]:
        left = [job for job in (known(view, key) for key in keys) if job.state == "unknown"]
        due = [job for job in left if _is_due(job, listing, sending)]
        if not due or view.switch("suspension"):
            return Decision(None)
        return Decision(None, (_suspended(due[0], sending.absent_doubt, _BY_FACTS),))

    return decide


def check_marks(listing: Listing) -> Decide[None]:
    """Decide whether the list still returns marks, by the jobs in it that we know by their id."""
    unmarked = {
        one.job_id: one.description for one in listing.jobs if not one.description.startswith("nd-")
    }

    def decide(view: View) -> Decision[None]:
        if not unmarked or view.switch("suspension"):
            return Decision(None)
        ours = view.jobs_by_id(list(unmarked))
        lost = [job for job in ours if mark_of(job.key) not in unmarked[job.job_id]]
        return Decision(None, (_unmarked(lost[0]),) if lost else ())

    return decide


def _by(listing: Listing, word: Callable[[ListedJob], str]) -> Mapping[str, Sequence[ListedJob]]:
    found: dict[str, list[ListedJob]] = {}
    for one in listing.jobs:
        found.setdefault(word(one), []).append(one)
    return found


def _is_like(job: JobState, one: ListedJob) -> bool:
    """Return whether a listed job of a job's name might be ours without its mark."""
    unmarked = not one.description.startswith("nd-")
    since = (moment(job.date) - CLOCK_SKEW).timestamp()
    young = not 0 < one.created_at < since  # 0: the list does not say
    return unmarked and young and one.type == job.type


def _is_due(job: JobState, listing: Listing, sending: SendSettings) -> bool:
    """Return whether a listing is complete and late enough to show that a job is absent."""
    after = moment(job.date) + timedelta(seconds=sending.settle_after)
    return listing.complete and listing.began >= after


def _adopted(job: JobState, ours: list[ListedJob]) -> tuple[Draft, ...]:
    oldest, *others = ours
    draft = about(job)
    adopted = draft._replace(
        action="job.adopted",
        outcome="success",
        response={"job_id": oldest.job_id},
        note="found in the API's list by its mark",
    )
    duplicated = tuple(
        draft._replace(
            action="job.duplicated",
            outcome="failure",
            response={"job_id": one.job_id},
            note=duplicate_note(oldest.job_id, one.job_id),
        )
        for one in others
    )
    return adopted, *duplicated


def _doubted(job: JobState, alike: ListedJob) -> tuple[Draft, ...]:
    note = (
        f"job {alike.job_id} has its name but no mark: it may be ours; look at the fleet, then "
        f"delete that job or `nightdrop jobs abandon {short_key(job.key)}`"
    )
    doubted = about(job)._replace(action="job.doubted", outcome="unknown", note=note)
    return () if job.note == note else (doubted,)


def _absent(job: JobState) -> Draft:
    draft = about(job)
    if is_denied(job.status):
        return draft._replace(
            action="job.refused",
            outcome="failure",
            response={"status": job.status},
            note=f"refused, and no earlier attempt created it: {job.note}",
        )
    return draft._replace(action="job.absent", note="a complete list does not have it")


def _unmarked(job: JobState) -> Draft:
    why = f"job {job.name} ({short_key(job.key)}) is listed without its mark"
    return _suspended(job, why, "look at the fleet, then `nightdrop release`")


def _suspended(job: JobState, why: str, remedy: str) -> Draft:
    return about(job)._replace(
        action="settling.suspended",
        outcome="failure",
        note=f"{why}, so no job can be found absent; {remedy}",
    )
