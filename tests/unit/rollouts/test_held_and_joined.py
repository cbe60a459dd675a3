"""What a rollout waits for and whom it takes in: holds, windows, joiners, jobs that come late."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.jobs.decisions import Created, abandon, about, claim, record
from handler.rollouts.continuation import jobs_that_may_succeed
from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.window import Window
from handler.values.canonical_json import timestamp
from tests.support.rollout_log import BEGIN, RolloutLog, named

if TYPE_CHECKING:
    from handler.audit.job_state import JobState

NIGHT = Window(begin=time(1), end=time(5), timezone="UTC")
ONE_BY_ONE = RolloutSettings(max_targets_per_job=1, max_parallel_jobs=1)
HELD = Draft("sending.held", "success", note="x")


def append(one: RolloutLog, draft: Draft) -> None:
    """Record something."""
    one.log.commit(lambda _view: Decision(None, (draft,)))


def nodes_of(one: RolloutLog, *jobs: JobState) -> list[str]:
    """Return the ids of the nodes of some jobs."""
    keys = [job.key for job in jobs]
    found = one.log.read(lambda view: [view.rollouts.nodes_of_job(key) for key in keys])
    return [node.node_id for nodes in found for node in nodes]


def test_a_hold_starts_no_wave() -> None:
    """Nor does it count as one."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings())
    append(one, HELD)
    assert one.advance().standing.waiting.word == "held"
    assert one.rollout().wave == 0


def test_a_hold_plans_no_job_of_a_wave_that_runs() -> None:
    """The next one waits for the release."""
    one = RolloutLog()
    one.plan(named(4), ONE_BY_ONE)
    (job,) = one.advance().jobs
    one.create(job)
    one.end(job)
    append(one, HELD)
    assert one.advance().standing.waiting.word == "held"


def test_joiners_of_the_last_wave_are_left_out_once_the_rest_of_the_night_is_too_short() -> None:
    """It would not end inside the window."""
    one = RolloutLog(BEGIN.replace(hour=4, minute=40))
    one.plan(named(1), RolloutSettings(**joining(NIGHT)))
    assert len(one.advance(joiners=named(3)).jobs) == 1
    assert one.rollout().nodes == 1


def joining(window: Window) -> dict[str, Any]:
    """Return the settings of a rollout of one job at a time that nodes may join."""
    return {
        "window": window,
        "max_targets_per_job": 1,
        "max_parallel_jobs": 1,
        "late_joiners": "include",
        "select": Select(),
    }


def test_joiners_never_make_a_wave_so_long_that_no_run_can_start_it() -> None:
    """It would have to begin at the very moment of the opening."""
    one = RolloutLog(BEGIN + timedelta(minutes=1))
    one.plan(named(2), RolloutSettings(**joining(NIGHT), waves=("1", "100%")))
    (job,) = one.advance(joiners=named(17)).jobs  # the last wave would need all of the 4 hours
    assert one.rollout().nodes == 2
    one.create(job)
    one.end(job)
    one.now += timedelta(days=1, minutes=4)
    assert one.advance(joiners=named(2)).jobs


def test_nodes_that_join_a_rollout_of_one_node_wait_for_the_approval_of_their_wave() -> None:
    """They are not in the first wave with it, although no other wave had a node."""
    one = RolloutLog()
    settings = RolloutSettings(
        waves=("1", "100%"), approve_before=(2,), late_joiners="include", select=Select()
    )
    one.plan(named(1), settings)
    (job,) = one.advance(joiners=named(31)).jobs
    assert len(nodes_of(one, job)) == 1
    one.create(job)
    one.end(job)
    assert one.advance(joiners=named(31)).standing.waiting.word == "approval"
    one.operate("approve")
    assert len(nodes_of(one, *one.advance(joiners=named(31)).jobs)) == 30


def test_a_last_wave_that_nobody_joined_ends_at_once() -> None:
    """It has no nodes."""
    one = RolloutLog()
    one.plan(
        named(1), RolloutSettings(waves=("1", "100%"), late_joiners="include", select=Select())
    )
    (job,) = one.advance(joiners=named(1)).jobs
    one.create(job)
    one.end(job)
    assert one.advance(joiners=named(1)).standing.rollout.state == "finished"


def test_a_rollout_names_the_next_opening_that_is_long_enough() -> None:
    """Not the one of the night on which the clocks are set forward."""
    window = Window(begin=time(2, 10), end=time(3, 10), timezone="Europe/Berlin")
    one = RolloutLog(datetime(2027, 3, 27, 1, 12, tzinfo=timezone.utc))
    one.plan(named(2), RolloutSettings(window=window, max_targets_per_job=1, max_parallel_jobs=1))
    (job,) = one.advance().jobs
    one.create(job)
    one.now = datetime(2027, 3, 27, 2, tzinfo=timezone.utc)
    one.end(job)
    # On the 28th it is open for ten minutes, on the 29th from 00:10 UTC on.
    assert one.advance().standing.waiting.until == datetime(2027, 3, 29, 0, 10, tzinfo=timezone.utc)


def test_a_job_that_was_given_up_and_came_after_all_is_waited_for() -> None:
    """The next wave starts after it."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings(waves=("1", "100%")))
    (job,) = one.advance().jobs
    lease = timedelta(minutes=1)
    granted = one.log.commit(claim(job.key, date=timestamp(one.now), lease=lease)).value
    one.now += timedelta(minutes=2)
    one.log.commit(abandon(job.key, "a test", actor={"kind": "operator"}))
    one.log.commit(record(job.key, granted.attempt, Created("ief-late")))
    assert one.advance().standing.waiting.word == "running"
    assert one.rollout().wave == 1


@pytest.mark.parametrize("end", ["abandoned", "deleted"])
def test_nodes_of_a_job_that_was_taken_away_failed(end: str) -> None:
    """And the rollout ends."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings())
    (job,) = one.advance().jobs
    if end == "deleted":
        one.create(job)
    gone = about(one.open_jobs()[0])._replace(action=f"job.{end}", outcome="success", note="a test")
    append(one, gone)
    assert one.advance().standing.rollout.state == "finished"
    assert one.counts().failed == 2


def test_a_rollout_with_a_running_job_waits_for_it_although_other_nodes_are_busy() -> None:
    """The busy ones come when it has ended."""
    one = RolloutLog()
    first, second = one.plan(named(1), RolloutSettings()), one.plan(named(2), RolloutSettings())
    one.advance(first)
    assert one.advance(second).jobs
    assert one.advance(second).standing.waiting.word == "running"


def test_only_busy_nodes_of_the_wave_that_runs_are_skipped() -> None:
    """Those of later waves may be free by then."""
    one = RolloutLog()
    other = one.plan(named(3), RolloutSettings())
    one.plan(named(3), RolloutSettings(waves=("1", "100%"), soak=1800, when_busy="skip"))
    one.advance(other)
    assert one.advance().standing.waiting.word == "soak"
    assert one.counts().skipped == 1


def test_of_many_jobs_that_may_succeed_late_those_that_timed_out_are_asked_for() -> None:
    """Most of those that failed stay so."""
    one = RolloutLog()
    one.plan(named(30), RolloutSettings(max_targets_per_job=1, max_parallel_jobs=30))
    for number, job in enumerate(one.advance().jobs):
        one.create(job)
        one.end(job, set(nodes_of(one, job)), "Timed_out" if number < 5 else "Failed")
    asked = one.log.read(lambda view: jobs_that_may_succeed(view, one.rollout()))
    assert (len(asked), sum(job.finished == "Timed_out" for job in asked)) == (20, 5)


def test_the_gate_of_a_retried_rollout_counts_from_the_retry() -> None:
    """What succeeded before the retry does not hide that all of it failed again."""
    one = RolloutLog()
    one.plan(named(10), RolloutSettings(max_failed="50%", min_finished=2, max_targets_per_job=10))
    one.run({"id-00001", "id-00002"})
    one.operate("retry")
    one.run({"id-00001", "id-00002"})
    assert one.rollout().state == "paused"


def test_a_template_is_kept_only_while_nodes_may_be_retried() -> None:
    """All succeeded: nothing is left to plan."""
    one = RolloutLog()
    one.plan(named(2), RolloutSettings())
    one.run()
    assert one.log.bodies(one.keys) == {}


def test_nodes_that_join_an_empty_last_wave_wait_for_a_night_that_is_long_enough() -> None:
    """The wave is meant for them: it does not start, and end, without them."""
    one = RolloutLog(BEGIN.replace(hour=4, minute=20))
    one.plan(named(1), RolloutSettings(**joining(NIGHT), waves=("1", "100%")))
    (job,) = one.advance(joiners=named(1)).jobs
    one.create(job)
    one.now = BEGIN.replace(hour=4, minute=46)
    one.end(job)
    waiting = one.advance(joiners=named(5)).standing.waiting
    assert (waiting.word, waiting.until) == ("window", BEGIN + timedelta(days=1))
    one.now = BEGIN + timedelta(days=1, minutes=2)
    assert one.advance(joiners=named(5)).jobs
