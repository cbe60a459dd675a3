"""Settings and a settlement that are known to fail: a simulation must find something in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.jobs.decisions import about, known
from handler.jobs.effects import commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.jobs.effects import Asking, SendSettings

NO_WAIT = 0
"""A list is believed at once: the seconds of `settle_after`."""

SHORT_WAIT = 600
"""A list is believed before a signature has expired: the seconds of `settle_after`."""


def send_again(jobs: Sequence[JobState], _sending: SendSettings) -> Asking[tuple[JobState, ...]]:
    """Yield the effects of a lease alone: after its end, a job is simply sent again."""
    settled: tuple[JobState, ...] = ()
    for job in jobs:
        settled = (*settled, (yield from commit(_taken_for_absent(job.key))))
    return settled


def _taken_for_absent(key: str) -> Decide[JobState]:
    def decide(view: View) -> Decision[JobState]:
        job = known(view, key)
        if job.state not in {"sending", "unknown"}:
            return Decision(job)
        draft = about(job)._replace(action="job.absent", note="the lease is over")
        return followed_by((draft,), lambda view: Decision(known(view, key)))

    return decide
