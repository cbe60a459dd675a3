"""Strategies that are known to fail: a simulation that finds nothing in them shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.jobs.decisions import about, known
from handler.jobs.effects import Commit
from tests.faults.simulation.simulated_function import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.jobs.effects import Asking, SendSettings


def send_again(jobs: Sequence[JobState], _sender: SendSettings) -> Asking[None]:
    """Yield the effects of a lease alone: after its end, a job is simply sent again."""
    for job in jobs:
        yield Commit(_taken_for_absent(job.key))


def _taken_for_absent(key: str) -> Decide[None]:
    def decide(view: View) -> Decision[None]:
        job = known(view, key)
        if job.state not in {"sending", "unknown"}:
            return Decision(None)
        draft = about(job)._replace(action="job.absent", note="the lease is over")
        return Decision(None, (draft,))

    return decide


CLAIM_THEN_RETRY = Strategy("claim, then retry", settle=send_again)
NO_WAIT = Strategy("mark, list, do not wait", settle_after=0.0)
SHORT_WAIT = Strategy("mark, list, wait less than a signature lives", settle_after=600.0)
