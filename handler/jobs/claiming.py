"""The claim of a job, granted only where what would be sent is what the records say.

The state and the outbox stand beside the chain, and whoever can write to the store can change them.
Two looks at each claim keep the function from acting on it: at the job's latest record, which must
say what the state says, and at the digest that was recorded of its body with the plan. Everything
else is found by `nightdrop audit verify`, which folds all records again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.record import Draft
from handler.jobs.decisions import SENDABLE, about, claim, known, not_granted, past_validity
from handler.values.canonical_json import sha256_hex, short_key

if TYPE_CHECKING:
    from datetime import timedelta

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, Decision, View
    from handler.jobs.decisions import Claim

_EXCHANGED = (
    "its request in the outbox is not the one that was planned, so it is not sent: look for who "
    "changed it, run `nightdrop jobs abandon`, and deliver it again if it is still wanted"
)


def claim_planned(key: str, *, body: str, date: str, lease: timedelta) -> Decide[Claim]:
    """Decide whether this instance may send a job now, as `claim` does, with this body."""
    granted = claim(key, date=date, lease=lease)
    digest = sha256_hex(body)

    def decide(view: View) -> Decision[Claim]:
        job = known(view, key)
        if job.state not in SENDABLE:
            return granted(view)
        if not view.matches_record(job):
            draft = contradicted(job)
            return not_granted(job, *(() if view.is_contradicted(draft.note) else (draft,)))
        if job.body_digest not in {"", digest} and not past_validity(job, view.now):
            return not_granted(job, *_exchanged(job))
        return granted(view)

    return decide


def contradicted(job: JobState) -> Draft:
    """Return a record that is not about the job, so that no state follows from it."""
    return Draft(
        action="state.contradicted",
        outcome="failure",
        note=f"the state of job {short_key(job.key)} ({job.state}, of record {job.seq}) is not "
        "what its latest record says, so it is not sent: see `nightdrop audit verify`; "
        "`nightdrop audit rebuild` rebuilds the state",
    )


def _exchanged(job: JobState) -> tuple[Draft, ...]:
    """Return the record that a job waits because its body was changed; none if that is known."""
    if job.note == _EXCHANGED:
        return ()
    return (about(job)._replace(action="job.doubted", outcome="failure", note=_EXCHANGED),)
