"""One run over the rollouts that have not ended: what came late, what comes next, what is sent.

    correct      nodes that succeeded after their job had ended no longer count as failed
    advance      the next steps are decided: waves, jobs, gate, end
    select       before a wave the nodes are selected again, for late joiners
    send         the jobs that were planned are sent
    pause        running jobs follow their rollout, if it is set so: paused, resumed

A rollout of days needs no running process. Each run does what can be done now; a run that dies
leaves planned jobs that the reconciler sends, and steps that the next run decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import CloudError
from handler.jobs.node_outcomes import LATE_FOR, MOST_LATE_JOBS, late_results
from handler.jobs.operation_submission import operation_submission
from handler.jobs.operations import OPERATIONS, OperationRequest
from handler.jobs.submission import submit_all
from handler.rollouts.advance import Advanced, JobTimes, advance, known_rollout, rollout_standing
from handler.rollouts.waiting import settings_of, wait_for
from handler.schedule.timeline import start_within
from handler.values.canonical_json import sha256_hex, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.rollouts.state import RolloutState
    from handler.invocation.invocation import Invocation
    from handler.rollouts.standing import Standing

_LATE = frozenset({"Timed_out", "Failed", "Partially_successful", "Running", "Waiting"})
"""The ends of jobs whose nodes may still succeed."""

_TEMPLATE_CHANGED = (
    "the template of its jobs is not the one that was recorded; stop it with `nightdrop rollout "
    "stop`, and drop the file again with another `serial`"
)

_FOLLOW_REASONS = {
    "paused": "its rollout is paused",
    "stopped": "its rollout was stopped: what runs already goes on to its end",
}
"""Why a running job is paused or resumed with its rollout, by the state of that."""


class Continued(NamedTuple):
    """What a run did with the rollouts.

    Attributes:
        standings: How each stands.
        errors: What could not be done, one sentence each.
    """

    standings: tuple[Standing, ...] = ()
    errors: tuple[str, ...] = ()


def continue_rollouts(rollouts: Sequence[RolloutState], invocation: Invocation) -> Continued:
    """Bring rollouts as far as they get now.

    Each is read again when its turn comes: somebody may have stopped it since it was listed.

    Raises:
        LogError: The log could not be read or written.
    """
    standings: list[Standing] = []
    errors: list[str] = []
    for listed in rollouts:
        if not invocation.request_fits():
            errors.append(f"no time was left for rollout {listed.name}")
            continue
        try:
            rollout = _corrected(listed.key, invocation)
            if rollout is None:
                continue
            advanced = _advanced(rollout, invocation)
        except CloudError as error:
            errors.append(f"rollout {listed.name}: {error}")
            continue
        submit_all(advanced.jobs, invocation.runner, invocation.sending)
        _pause_or_resume(listed.key, invocation)
        # What became of the jobs that were sent is not in the standing that planned them.
        standings.append(look(listed.key, invocation) if advanced.jobs else advanced.standing)
        if advanced.standing.waiting.word == "stop":
            errors.append(f"rollout {listed.name}: {advanced.standing.waiting.text}")
    return Continued(tuple(standings), tuple(errors))


def _corrected(key: str, invocation: Invocation) -> RolloutState | None:
    """Learn whether nodes succeeded after their job had ended.

    Returns:
        The rollout as it is; None if it was forgotten meanwhile.
    """

    def found(view: View) -> tuple[RolloutState | None, list[JobState]]:
        rollout = view.rollouts.get(key)
        return rollout, jobs_that_may_succeed(view, rollout) if rollout else []

    rollout, late = invocation.log.read(found, fresh=False)
    asked = [late_results(job, invocation.sending) for job in late]
    invocation.runner.drive_all(asked, senders=invocation.sending.senders)
    return rollout


def jobs_that_may_succeed(view: View, rollout: RolloutState) -> list[JobState]:
    """Return the jobs of a rollout that have ended, and whose nodes may still succeed."""
    ended = view.rollouts.failed_jobs(rollout.key, timestamp(view.now - LATE_FOR))
    late = [job for job in ended if job.finished in _LATE and job.job_id]
    # Most of those that failed stay so: they are the first that find no room.
    return sorted(late, key=lambda job: job.finished != "Failed")[-MOST_LATE_JOBS:]


def _pause_or_resume(key: str, invocation: Invocation) -> None:
    """Pause the running jobs of a rollout that is paused, and resume them with it.

    Those of one that was stopped are resumed as well, and run to their end.
    """
    times = _times(invocation)
    found = invocation.log.read(lambda view: jobs_to_follow(view, key, times), fresh=False)
    invocation.runner.drive_all(
        [operation_submission(job.key, request, invocation.sending) for job, request in found],
        senders=invocation.sending.senders,
    )


def jobs_to_follow(
    view: View, key: str, times: JobTimes
) -> list[tuple[JobState, OperationRequest]]:
    """Return the jobs of a rollout that are to be paused or resumed with it, and how.

    None is resumed outside of the window; only those of a rollout that was stopped run out.
    """
    rollout = view.rollouts.get(key)
    if rollout is None or settings_of(rollout).running_jobs != "pause":
        return []
    name = "pause" if rollout.state == "paused" else "resume"
    if rollout.state == "running":
        start = start_within(settings_of(rollout).window, view.now, times.job_seconds)
        if start != view.now:
            return []
    reason = _FOLLOW_REASONS.get(rollout.state, "its rollout goes on")
    actor: Part = {"kind": "rollout", "name": rollout.name}
    request = OperationRequest(OPERATIONS[name], actor, reason)
    jobs = view.rollouts.open_jobs(rollout.key)
    running = [job for job in jobs if job.followed and not job.operation]
    return [(job, request) for job in running if job.paused == (name == "resume")]


def _advanced(rollout: RolloutState, invocation: Invocation) -> Advanced:
    template = "" if rollout.ended else invocation.log.bodies([rollout.key]).get(rollout.key, "")
    if sha256_hex(template) != rollout.body_digest:
        standing = look(rollout.key, invocation)
        stuck = standing._replace(waiting=wait_for("stop", _TEMPLATE_CHANGED))
        return Advanced(standing if standing.rollout.ended else stuck)
    times = _times(invocation)
    advanced = _decided(advance(rollout.key, template, times), invocation)
    if advanced.standing.waiting.word != "joiners":
        return advanced
    # Loaded where it is needed: few rollouts take late joiners.
    from handler.rollouts.selection import chosen_now

    joiners = chosen_now(rollout, invocation.ief)
    return _decided(advance(rollout.key, template, times, joiners), invocation)


def _decided(decide: Decide[Advanced], invocation: Invocation) -> Advanced:
    """Commit a decision, unless it has nothing to record."""
    looked = invocation.log.read(decide, fresh=False)
    if looked.then is None and not looked.drafts:
        return looked.value
    return invocation.log.commit(decide).value


def look(key: str, invocation: Invocation) -> Standing:
    """Return how a rollout stands now, and do nothing about it."""
    times = _times(invocation)
    return invocation.log.read(
        lambda view: rollout_standing(view, known_rollout(view, key), times), fresh=False
    )


def _times(invocation: Invocation) -> JobTimes:
    return JobTimes(invocation.settings.valid_for, invocation.settings.job_grace)
