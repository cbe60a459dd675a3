"""What a rollout does next, as a decision on the log.

is paused, stopped, finished       nothing
too many nodes failed              it pauses or stops: the gate
a wave runs, nodes wait            the next jobs, if one more may run and end inside the window
a wave runs, nodes run             nothing: they are waited for
a wave runs, all nodes ended       the failed ones once more, or the wave has finished
no wave runs                       the next one after the soak, an approval, inside the window
no wave is left                    it has finished

Each step is a record, and the next is decided in the same commit, until it must wait.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.audit.rollouts.state import totals
from handler.jobs.gate import gate_note
from handler.jobs.node_outcomes import node_record
from handler.rollouts.records import (
    about_rollout,
    about_wave,
    counted,
    finished,
    job_of_rollout,
    joined,
    stopped,
)
from handler.rollouts.standing import Standing
from handler.rollouts.waiting import Waiting, settings_of, wait_for, wave_places
from handler.schedule.rollout_settings import JOB_SECONDS
from handler.schedule.timeline import start_within, too_long, wave_seconds
from handler.schedule.window import open_period
from handler.values.canonical_json import moment
from handler.values.display import quantity
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Decide, View
    from handler.audit.record import Draft
    from handler.audit.rollouts.state import RolloutState
    from handler.schedule.rollout_settings import RolloutSettings
    from handler.specs.planner import NamedNodes

_MOST_SKIPPED = 1000
_EMPTY_TEMPLATE = '{"job_content": {"target_type": "node"}}'  # for steps that are only looked at


class JobTimes(NamedTuple):
    """What the operator set for rollouts.

    Attributes:
        valid_for: Seconds after its plan in which a job may be sent, unless the spec says.
        grace: Seconds that a job may need beyond IEF's ten minutes.
    """

    valid_for: float
    grace: int

    @property
    def job_seconds(self) -> timedelta:
        """How long one job may take."""
        return timedelta(seconds=JOB_SECONDS + self.grace)


class Advanced(NamedTuple):
    """How far a rollout got.

    Attributes:
        standing: How it stands, and what it waits for.
        jobs: The jobs that were planned.
    """

    standing: Standing
    jobs: tuple[JobState, ...] = ()


class _Step(NamedTuple):
    """What comes next: records, or what is waited for."""

    drafts: tuple[Draft, ...] = ()
    waiting: Waiting | None = None


class _Situation(NamedTuple):
    """What the next step is decided from."""

    view: View
    rollout: RolloutState
    settings: RolloutSettings
    times: JobTimes
    template: str
    joiners: NamedNodes | None


def advance(
    key: str, template: str, times: JobTimes, joiners: NamedNodes | None = None
) -> Decide[Advanced]:
    """Decide what a rollout does next, as far as it gets without waiting.

    Args:
        key: The rollout's key.
        template: The template of its jobs.
        times: What the operator set.
        joiners: Nodes that match now, for a rollout that late joiners are added to; None if they
            were not looked for. Before a wave of such a rollout it then waits for them.
    """

    def step(view: View, before: tuple[Draft, ...]) -> Decision[Advanced]:
        rollout = known_rollout(view, key)
        settings = settings_of(rollout)
        todo = _next(_Situation(view, rollout, settings, times, template, joiners))
        if todo.waiting is None:
            drafts = (*before, *todo.drafts)
            return followed_by(todo.drafts, lambda view: step(view, drafts))
        planned = [str(one.job["key"]) for one in before if one.action == "job.planned"]
        jobs = filter(None, map(view.job, planned))
        standing = Standing(rollout, totals(view.rollouts, rollout), todo.waiting)
        return Decision(Advanced(standing, tuple(jobs)))

    return lambda view: step(view, ())


def rollout_standing(view: View, rollout: RolloutState, times: JobTimes) -> Standing:
    """Return how a rollout stands, and what it waits for, if only for the next run."""
    now = _Situation(view, rollout, settings_of(rollout), times, _EMPTY_TEMPLATE, None)
    return Standing(rollout, totals(view.rollouts, rollout), _next(now).waiting or wait_for("due"))


def known_rollout(view: View, key: str) -> RolloutState:
    """Return a rollout that must be in the log.

    Raises:
        LookupError: It is not.
    """
    rollout = view.rollouts.get(key)
    if rollout is None:
        raise LookupError(f"rollout {key[:16]} was never planned")
    return rollout


def _next(now: _Situation) -> _Step:
    rollout = now.rollout
    gate = () if rollout.ended or rollout.breached else _gate(now)
    if gate:
        return _Step(gate)
    if rollout.state == "paused" or rollout.ended:
        return _Step(waiting=wait_for(rollout.state, rollout.note))
    if rollout.wave and not rollout.wave_done:
        return _in_wave(now)
    if rollout.wave == len(rollout.wave_ends):
        return _Step((finished(now.view, rollout),))
    return _before_wave(now)


def _gate(now: _Situation) -> tuple[Draft, ...]:
    """Return the records that too many nodes failed; none if they did not."""
    rollout, note = now.rollout, gate_note(now.view, now.rollout)
    if not note:
        return ()
    if now.settings.on_breach == "stop":
        return stopped(now.view, rollout, note, "failure")
    advice = f"{note}; `nightdrop rollout resume {rollout.name}` goes on, `… stop` ends it"
    breach = about_rollout(rollout)._replace(
        action="rollout.breached", outcome="failure", note=advice
    )
    return (counted(breach, totals(now.view.rollouts, rollout)),)


def _in_wave(now: _Situation) -> _Step:
    rollouts, rollout = now.view.rollouts, now.rollout
    first, last = wave_places(rollout, rollout.wave)
    counts = rollouts.counts(rollout.key, 1, last)
    jobs = rollouts.open_jobs(rollout.key)
    if counts.pending:
        return _more_jobs(now, last, len(jobs))
    if counts.running or jobs:
        running = f"{quantity(counts.running, 'node')} in {quantity(len(jobs), 'job')}"
        return _Step(waiting=wait_for("running", running))
    again = rollouts.retriable(rollout.key, first, now.settings.retry)
    if again:
        draft = about_wave(rollout, "wave.retried", rollout.wave)
        places = {"place": first, "round": now.settings.retry, "selected": again}
        return _Step((draft._replace(rollout={**draft.rollout, **places}),))
    of_wave = rollouts.counts(rollout.key, first, last)
    return _Step((counted(about_wave(rollout, "wave.finished", rollout.wave), of_wave),))


def _more_jobs(now: _Situation, last: int, running: int) -> _Step:
    """Return the records of the next jobs of a wave, or what they wait for."""
    view, rollout, settings = now.view, now.rollout, now.settings
    slots = settings.max_parallel_jobs - running
    if slots <= 0:
        return _Step(waiting=wait_for("running", f"{quantity(running, 'job')} at once and no more"))
    start = start_within(settings.window, view.now, now.times.job_seconds)
    period = open_period(settings.window, view.now)
    if period is None or start != view.now:
        return _Step(waiting=wait_for("window", until=start))
    held = view.switch("hold")
    if held:
        return _Step(waiting=wait_for("held", f"sending is held: {held}"))
    size = settings.max_targets_per_job
    nodes = view.rollouts.pending(rollout.key, last, slots * size, free=True)
    if not nodes:
        return _busy(now, last, running)
    seconds = now.times.valid_for if settings.valid_for is None else settings.valid_for
    until = min(view.now + timedelta(seconds=seconds), period.end - now.times.job_seconds)
    drafts = (
        job_of_rollout(rollout, now.template, number, nodes[begin : begin + size], until)
        for number, begin in enumerate(range(0, len(nodes), size), rollout.jobs + 1)
    )
    return _Step(tuple(drafts))


def _busy(now: _Situation, last: int, running: int) -> _Step:
    """Return what becomes of nodes that are all in running jobs of other rollouts."""
    if now.settings.when_busy == "wait":
        text = "the other nodes are in jobs of other rollouts"
        return _Step(waiting=wait_for("running" if running else "busy", text))
    nodes = now.view.rollouts.pending(now.rollout.key, last, _MOST_SKIPPED, free=False)
    why = "it is in a job of another rollout"
    return _Step(
        tuple(node_record(about_rollout(now.rollout), one, "skipped", why) for one in nodes)
    )


def _before_wave(now: _Situation) -> _Step:
    view, rollout, settings = now.view, now.rollout, now.settings
    number = rollout.wave + 1
    soaked = moment(rollout.wave_at) + timedelta(seconds=settings.soak) if rollout.wave else None
    if soaked and view.now < soaked:
        return _Step(waiting=wait_for("soak", until=soaked))
    if number in settings.approve_before and rollout.approved < number:
        return _approval(rollout, number)
    held = view.switch("hold")
    if held:
        return _Step(waiting=wait_for("held", f"sending is held: {held}"))
    first, last = wave_places(rollout, number)
    longest = timedelta(seconds=wave_seconds(last - first + 1, settings, now.times.grace))
    start = start_within(settings.window, view.now, longest)
    if start is None or start > view.now:
        return _Step(waiting=wait_for("window", until=start))
    if settings.late_joiners == "include" and now.joiners is None:
        return _Step(waiting=wait_for("joiners"))
    return _wave_start(now, number, size=last - first + 1)


def _wave_start(now: _Situation, number: int, *, size: int) -> _Step:
    """Return the records that a wave starts, with those who join the last one.

    They are left out where that wave could no longer end inside the window, unless it is theirs
    alone: it waits for a night that is long enough.
    """
    view, rollout = now.view, now.rollout
    joining = _joiners(now)
    later = _start_with(now, joining)
    if joining and not size and later and later > view.now:
        return _Step(waiting=wait_for("window", until=later))
    draft = about_wave(rollout, "wave.started", number)
    start_wave = draft._replace(rollout={**draft.rollout, "selected": size})
    is_next = number == len(rollout.wave_ends)
    may_join = bool(joining) and later is not None and not (is_next and later > view.now)
    return _Step((*(joined(rollout, joining) if may_join else ()), start_wave))


def _joiners(now: _Situation) -> NamedNodes:
    """Return the nodes that match now and are not in the rollout yet.

    One that was offline when the rollout was planned is among them once it is online.
    """
    rollout, settings, matching = now.rollout, now.settings, now.joiners or ()
    known = now.view.rollouts.known(rollout.key, [node_id for node_id, _ in matching])
    new = tuple(node for node in matching if node[0] not in known)
    if settings.select and settings.select.limit is not None:
        new = new[: max(settings.select.limit - rollout.nodes, 0)]
    return new


def _start_with(now: _Situation, joining: NamedNodes) -> datetime | None:
    """Return when the last wave may start with nodes that join it; None if it never fits."""
    first, last = wave_places(now.rollout, len(now.rollout.wave_ends))
    seconds = wave_seconds(last - first + 1 + len(joining), now.settings, now.times.grace)
    if too_long(now.settings.window, seconds):
        return None
    return start_within(now.settings.window, now.view.now, timedelta(seconds=seconds))


def _approval(rollout: RolloutState, number: int) -> _Step:
    advice = f"`nightdrop rollout approve {rollout.name}` lets wave {number} start"
    if rollout.awaited < number:
        draft = about_wave(rollout, "wave.awaiting", number)
        return _Step((draft._replace(outcome="pending", note=advice),))
    return _Step(waiting=wait_for("approval", advice))
