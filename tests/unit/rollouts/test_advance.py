"""What a rollout does next: waves, jobs, gate, retry, soak, window, approval, end."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.schedule.rollout_settings import RolloutSettings, Select
from handler.schedule.window import Window
from tests.support.rollout_log import BEGIN, RolloutLog, named

WAVES = ("1", "20%", "100%")


def planned(nodes: int = 10, **settings: object) -> RolloutLog:
    """Return a log with a rollout; one job runs at a time, of two nodes at most."""
    defaults = {"waves": WAVES, "max_targets_per_job": 2, "max_parallel_jobs": 1}
    one = RolloutLog()
    one.plan(named(nodes), RolloutSettings(**{**defaults, **settings}))  # type: ignore[arg-type]
    return one


def test_the_first_wave_starts_at_once_with_its_nodes_only() -> None:
    """One node of ten."""
    one = planned()
    advanced = one.advance()
    assert [job.wave for job in advanced.jobs] == [1]
    assert one.counts()[:2] == (9, 1)
    assert (one.rollout().state, one.rollout().wave) == ("running", 1)


def test_a_wave_ends_before_the_next_one_starts() -> None:
    """While its job runs, nothing is planned."""
    one = planned()
    (job,) = one.advance().jobs
    one.create(job)
    assert one.advance().standing.waiting.word == "running"
    one.end(job)
    (second,) = one.advance().jobs
    assert (second.wave, one.rollout().wave) == (2, 2)


def test_each_node_is_in_one_job_and_the_rollout_finishes() -> None:
    """All waves, to the end."""
    one = planned(17, max_parallel_jobs=3)
    assert one.run().standing.waiting.word == "finished"
    assert one.counts() == (0, 0, 17, 0, 0)
    nodes = [
        node
        for record in one.log.records()
        if record.fields["action"] == "job.planned"
        for node in record.fields["rollout"]["nodes"].split()  # type: ignore[index,union-attr,call-overload]
    ]
    assert sorted(nodes) == [node_id for node_id, _ in named(17)]


def test_no_more_jobs_run_at_once_than_the_spec_allows() -> None:
    """Four slots, and jobs of two nodes."""
    one = planned(40, waves=("100%",), max_parallel_jobs=4)
    assert len(one.advance().jobs) == 4
    assert one.advance().jobs == ()
    first = one.open_jobs()[0]
    one.create(first)
    one.end(first)
    assert len(one.advance().jobs) == 1


def test_a_breach_pauses_the_rollout_and_says_what_to_do() -> None:
    """Half of the nodes failed, a tenth may."""
    one = planned(20, waves=("100%",), max_failed="10%", min_finished=2)
    standing = one.run({"id-00001"}).standing
    assert (standing.rollout.state, standing.waiting.word) == ("paused", "paused")
    assert "1 of 2 nodes failed, more than max_failed: 10% allows" in standing.waiting.text
    assert "nightdrop rollout resume" in standing.waiting.text
    assert one.counts().pending == 18


def test_a_share_is_not_judged_before_enough_nodes_have_finished() -> None:
    """One of two failed, but ten must have finished."""
    one = planned(20, waves=("100%",), max_failed="10%", min_finished=10)
    one.run({"id-00001"}, rounds=20)
    assert one.rollout().state == "finished"


def test_a_breach_may_stop_the_rollout() -> None:
    """Its template leaves the outbox: nothing more is planned."""
    one = planned(20, waves=("100%",), max_failed="0", on_breach="stop")
    assert one.run({"id-00001"}).standing.rollout.state == "stopped"
    assert one.log.bodies([one.keys[0]]) == {}
    assert one.counts()[:4] == (18, 0, 1, 1)


def test_what_failed_before_a_person_resumed_it_no_longer_counts() -> None:
    """Or it would be paused again at once."""
    one = planned(20, waves=("100%",), max_failed="0")
    one.run({"id-00001"})
    assert one.operate("resume").outcome == "done"
    assert one.run().standing.rollout.state == "finished"


def test_failed_nodes_are_tried_once_more_at_the_end_of_their_wave() -> None:
    """Only those, and only as often as the spec says."""
    one = planned(10, retry=1)
    one.run({"id-00002"})
    assert one.actions().count("wave.retried") == 1
    assert one.actions().count("node.failed") == 2
    assert one.counts() == (0, 0, 9, 1, 0)


def test_the_next_wave_waits_for_the_soak() -> None:
    """Half an hour after the end of the wave before."""
    one = planned(soak=1800)
    (job,) = one.advance().jobs
    one.create(job)
    one.end(job)
    waiting = one.advance().standing.waiting
    assert (waiting.word, waiting.until) == ("soak", one.now + timedelta(minutes=30))
    one.now += timedelta(minutes=30)
    assert len(one.advance().jobs) == 1


def test_a_wave_that_needs_an_approval_waits_for_a_person() -> None:
    """It is recorded once that it waits."""
    one = planned(approve_before=(1,))
    assert one.advance().standing.waiting.word == "approval"
    one.advance()
    assert one.actions().count("wave.awaiting") == 1
    assert one.operate("approve").outcome == "done"
    assert len(one.advance().jobs) == 1


NIGHT = Window(begin=time(1), end=time(5), timezone="UTC")


def test_outside_the_window_nothing_starts() -> None:
    """It begins with the window."""
    one = planned(window=NIGHT)
    one.now = BEGIN.replace(hour=12)
    waiting = one.advance().standing.waiting
    assert (waiting.word, waiting.until) == ("window", BEGIN + timedelta(days=1))
    one.now = BEGIN + timedelta(days=1)
    assert len(one.advance().jobs) == 1


@pytest.mark.parametrize(("minute", "jobs"), [(44, 1), (46, 0)])
def test_a_wave_starts_only_if_it_can_end_inside_the_window(minute: int, jobs: int) -> None:
    """Ten minutes of IEF and five of grace."""
    one = planned(1, waves=("100%",), window=NIGHT)
    one.now = BEGIN.replace(hour=4, minute=minute)
    assert len(one.advance().jobs) == jobs


def test_a_job_may_be_sent_only_as_long_as_it_can_end_inside_the_window() -> None:
    """Whatever delays it."""
    one = planned(1, waves=("100%",), window=NIGHT)
    (job,) = one.advance().jobs
    assert job.valid_until.startswith("2026-11-24T04:45:00")


def test_a_wave_that_was_slow_goes_on_in_the_next_window() -> None:
    """The rest of its jobs waits."""
    one = planned(4, waves=("100%",), window=NIGHT)
    (job,) = one.advance().jobs
    one.create(job)
    one.now = BEGIN.replace(hour=4, minute=50)
    one.end(job)
    assert one.advance().standing.waiting.word == "window"
    one.now = BEGIN + timedelta(days=1)
    assert len(one.advance().jobs) == 1


def test_a_node_in_a_job_of_another_rollout_is_waited_for() -> None:
    """It is in one running job at a time."""
    one = planned(2, waves=("100%",))
    second = one.plan(named(2), RolloutSettings())
    (job,) = one.advance(one.keys[0]).jobs
    assert one.advance(second).standing.waiting.word == "busy"
    one.create(job)
    one.end(job)
    assert len(one.advance(second).jobs) == 1


def test_a_busy_node_may_be_skipped() -> None:
    """With a record that says why."""
    one = planned(2, waves=("100%",))
    second = one.plan(named(3), RolloutSettings(when_busy="skip"))
    one.advance(one.keys[0])
    (job,) = one.advance(second).jobs
    one.create(job)
    one.end(job)
    assert one.advance(second).standing.rollout.state == "finished"
    assert one.counts(second) == (0, 0, 1, 0, 2)


def test_while_sending_is_held_no_job_is_planned() -> None:
    """It would only wait."""
    one = planned()
    held = Draft("sending.held", "success", note="ticket 4711")
    one.log.commit(lambda _view: Decision(None, (held,)))
    waiting = one.advance().standing.waiting
    assert (waiting.word, waiting.text) == ("held", "sending is held: ticket 4711")


def test_late_joiners_are_asked_for_before_a_wave_and_join_the_last_one() -> None:
    """Those that are known already are not added again."""
    one = planned(4, waves=("1", "100%"), late_joiners="include")
    assert one.advance().standing.waiting.word == "joiners"
    (job,) = one.advance(joiners=named(6)).jobs
    assert one.rollout().wave_ends == (1, 6)
    one.create(job)
    one.end(job)
    assert one.advance(joiners=named(6)).standing.rollout.nodes == 6


def test_a_node_that_was_offline_when_the_rollout_was_planned_joins_late() -> None:
    """It is the usual late joiner; it is no longer counted as skipped."""
    one = RolloutLog()
    settings = RolloutSettings(waves=("1", "100%"), late_joiners="include", max_targets_per_job=9)
    one.plan(named(4), settings, skipped=(("offline", named(2, first=5)),))
    (job,) = one.advance(joiners=named(5)).jobs
    assert one.counts() == (4, 1, 0, 0, 1)
    one.create(job)
    one.end(job)
    one.advance(joiners=named(6))
    assert one.counts() == (0, 5, 1, 0, 0)


def test_late_joiners_do_not_exceed_the_limit_of_the_selection() -> None:
    """Where one of the selected nodes is offline now, another would take its place."""
    one = planned(4, waves=("1", "100%"), late_joiners="include", select=Select(limit=5))
    one.advance(joiners=named(3, first=5))
    assert one.rollout().nodes == 5


def test_a_late_joiner_is_left_out_where_its_wave_could_not_end_inside_the_window() -> None:
    """A wave that can never start would hold up the rest."""
    one = planned(20, waves=("100%",), max_parallel_jobs=1, window=NIGHT, late_joiners="include")
    one.advance(joiners=named(40))
    assert one.rollout().wave_ends == (20,)


def test_a_rollout_without_pending_work_records_nothing() -> None:
    """A tick of an idle night costs no record."""
    one = planned(soak=3600)
    (job,) = one.advance().jobs
    one.create(job)
    one.end(job)
    one.advance()
    before = len(one.actions())
    one.advance()
    assert len(one.actions()) == before


@pytest.mark.parametrize("how", ["retried", "late"])
def test_what_a_resume_has_forgiven_excuses_no_other_failure(how: str) -> None:
    """Once it has succeeded after all, new failures count from nought."""
    log = RolloutLog()
    waves = ("10", "100%")
    settings = RolloutSettings(
        waves=waves, max_failed="2", max_targets_per_job=10, retry=int(how == "retried")
    )
    log.plan(named(40), settings)
    (job,) = log.advance().jobs
    log.create(job)
    log.end(job, {node for node, _ in named(5)}, "Timed_out")
    assert log.advance().standing.rollout.state == "paused"
    log.operate("resume")
    if how == "late":
        log.succeed_late(job)
    else:
        (again,) = log.advance().jobs
        log.create(again)
        log.end(again)
    assert log.counts().failed == 0
    second, *_ = log.advance().jobs
    log.create(second)
    log.end(second, {node for node, _ in named(3, 11)})
    assert log.advance().standing.rollout.state == "paused"


def test_a_late_success_of_what_was_forgiven_opens_no_gate() -> None:
    """It does not count among those that ended since."""
    log = RolloutLog()
    settings = RolloutSettings(
        waves=("10", "100%"), max_failed="50%", min_finished=1, max_targets_per_job=10
    )
    log.plan(named(40), settings)
    (job,) = log.advance().jobs
    log.create(job)
    log.end(job, {node for node, _ in named(10)}, "Timed_out")
    log.advance()
    log.operate("resume")
    second, *_ = log.advance().jobs
    log.create(second)
    log.end(second, {node for node, _ in named(6, 11)})
    before = log.log.read(lambda view: view.rollouts.judged(log.rollout().key))
    log.succeed_late(job)
    assert log.log.read(lambda view: view.rollouts.judged(log.rollout().key)) == before
