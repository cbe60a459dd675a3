"""Operations on a rollout: what a person may ask for, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.audit.job_state import DEAD
from handler.jobs.decisions import Deferred, claim, record
from handler.jobs.operations import OPERATIONS, OperationRequest, look_at_job
from handler.schedule.rollout_settings import RolloutSettings
from handler.values.canonical_json import timestamp
from tests.support.rollout_log import RolloutLog, named


def planned(**settings: object) -> RolloutLog:
    """Return a log with a rollout of six nodes in jobs of two."""
    one = RolloutLog()
    chunks = {"max_targets_per_job": 2, "max_parallel_jobs": 1}
    one.plan(named(6), RolloutSettings(**{**chunks, **settings}))  # type: ignore[arg-type]
    return one


def test_a_paused_rollout_plans_and_sends_nothing_until_it_is_resumed() -> None:
    """A job that was planned before is not sent either."""
    one = planned()
    (job,) = one.advance().jobs
    assert one.operate("pause").sentence.endswith("is paused")
    one.create(job)
    (waiting,) = one.open_jobs()
    assert (waiting.state, waiting.note) == ("deferred", "its rollout is paused")
    assert one.advance().jobs == ()
    one.operate("resume")
    one.create(job)
    assert one.open_jobs()[0].state == "created"


def test_what_fails_while_a_person_pauses_a_rollout_is_no_less_a_breach() -> None:
    """It is recorded and alarmed; only who resumes it after that goes on in spite of it."""
    one = planned(max_failed="0")
    (job,) = one.advance().jobs
    one.create(job)
    one.operate("pause")
    one.end(job, failing=["id-00001"])
    assert one.operate("resume").outcome == "not done"
    assert "1 of 2 nodes failed" in one.advance().standing.waiting.text
    assert one.actions().count("rollout.breached") == 1
    assert one.advance().jobs == ()
    assert one.operate("resume").outcome == "done"
    assert len(one.advance().jobs) == 1
    assert one.actions().count("rollout.breached") == 1


def test_a_stopped_rollout_gives_up_what_was_not_sent_and_waits_for_what_was() -> None:
    """The node of an unsent job is pending for ever: nothing was done to it."""
    one = planned(max_parallel_jobs=2)
    first, second = one.advance().jobs
    one.create(first)
    one.operate("stop")
    assert one.log.read(lambda view: view.job(second.key)).state in DEAD  # type: ignore[union-attr]
    one.end(first)
    assert one.counts() == (4, 0, 2, 0, 0)
    assert one.advance().standing.waiting.word == "stopped"


def test_failed_nodes_of_a_finished_rollout_are_tried_again() -> None:
    """With a job of their own; those that succeeded are left alone."""
    one = planned()
    one.run({"id-00001", "id-00004"})
    assert one.counts() == (0, 0, 4, 2, 0)
    assert one.operate("retry").sentence.startswith("2 nodes of rollout nightly-")
    assert one.run().standing.rollout.state == "finished"
    assert one.counts() == (0, 0, 6, 0, 0)


def test_failed_nodes_of_a_paused_rollout_are_tried_again_at_once() -> None:
    """It goes on, and what failed before no longer counts."""
    one = planned(max_failed="0")
    one.run({"id-00001"})
    assert one.operate("retry").outcome == "done"
    assert one.run().standing.rollout.state == "finished"
    assert one.counts() == (0, 0, 6, 0, 0)


def test_a_rollout_that_is_retried_is_open_work_of_its_delivery_again() -> None:
    """Or it would be forgotten while it runs."""
    one = planned()
    one.run({"id-00001"})

    def delivery_is_final() -> bool:
        key = one.rollout().delivery
        return one.log.read(lambda view: view.delivery(key).final)  # type: ignore[union-attr]

    assert delivery_is_final()
    one.operate("retry")
    assert not delivery_is_final()
    one.run()
    assert delivery_is_final()


@pytest.mark.parametrize(
    ("operations", "outcome", "part"),
    [
        (["pause", "pause"], "so", "is paused already"),
        (["resume"], "so", "is not paused"),
        (["stop", "stop"], "so", "is stopped already"),
        (["stop", "pause"], "not done", "it has ended"),
        (["stop", "resume"], "not done", "it has ended"),
        (["stop", "retry"], "not done", "only one that is paused or has finished"),
        (["pause", "retry"], "not done", "none of its nodes failed"),
        (["approve"], "not done", "none of its waves awaits an approval"),
    ],
)
def test_what_its_state_does_not_allow_is_refused(
    operations: list[str], outcome: str, part: str
) -> None:
    """Nothing is recorded then."""
    one = planned()
    *before, last = operations
    for name in before:
        one.operate(name)  # type: ignore[arg-type]
    records = len(one.actions())
    said = one.operate(last)  # type: ignore[arg-type]
    assert said.outcome == outcome
    assert part in said.sentence
    assert len(one.actions()) == records


def test_a_wave_is_approved_ahead_by_its_number() -> None:
    """A wave that needs no approval is refused."""
    one = planned(waves=("2", "4", "100%"), approve_before=(2, 3))
    assert one.operate("approve", wave=1).outcome == "not done"
    assert one.operate("approve", wave=2).sentence.startswith("wave 2 of rollout")
    assert one.operate("approve", wave=2).outcome == "so"
    assert one.operate("approve", wave=3).sentence.startswith("wave 3 of rollout")


def test_an_operation_is_recorded_with_its_actor_and_reason() -> None:
    """Auditors ask who did it."""
    one = planned()
    one.operate("pause")
    *_, last = one.log.records()
    assert last.fields["actor"] == {"kind": "operator", "name": "ops"}
    assert last.fields["note"] == "a test"


def test_an_approval_without_a_number_is_that_of_the_wave_that_waits() -> None:
    """A request that arrives twice approves one wave, and none that has not been reached."""
    one = planned(waves=("2", "4", "100%"), approve_before=(2, 3))
    assert one.operate("approve").sentence.endswith("is approved by its number")
    assert one.run().standing.waiting.word == "approval"
    assert one.operate("approve").sentence.startswith("wave 2 of rollout")
    assert one.operate("approve").outcome == "not done"
    assert one.run().standing.waiting.word == "approval"
    assert one.rollout().wave == 2


def test_a_late_copy_of_an_approval_does_not_approve_the_next_wave() -> None:
    """If it says when it was asked for; the wave that waits by then is looked at on its own."""
    one = planned(waves=("2", "4", "100%"), approve_before=(2, 3))
    one.run()
    one.now += timedelta(seconds=1)
    asked_at = one.now
    assert one.operate("approve", asked_at=asked_at).sentence.startswith("wave 2 of rollout")
    assert one.run().standing.waiting.word == "approval"
    said = one.operate("approve", asked_at=asked_at)
    assert (said.outcome, "look at it, and ask again" in said.sentence) == ("not done", True)
    assert one.rollout().approved == 2
    one.now += timedelta(seconds=1)
    assert one.operate("approve", asked_at=one.now).sentence.startswith("wave 3 of rollout")


def test_what_cannot_be_done_twice_is_done_whenever_it_was_asked_for() -> None:
    """A stop, and the approval of a wave by its number."""
    one = planned(waves=("2", "100%"), approve_before=(2,))
    asked_at = one.now - timedelta(hours=1)
    assert one.operate("pause", asked_at=asked_at).outcome == "not done"
    assert one.operate("approve", wave=2, asked_at=asked_at).outcome == "done"
    assert one.operate("stop", asked_at=asked_at).outcome == "done"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["pause", "resume", "retry", "approve"]),
            st.integers(0, 30),
            st.lists(st.integers(0, 600), min_size=1, max_size=3),
        ),
        max_size=12,
    )
)
@settings(max_examples=25)
def test_of_all_copies_of_a_request_with_its_time_one_is_done_at_most(
    requests: list[tuple[str, int, list[int]]],
) -> None:
    """Whenever they come, and whatever was asked for and happened in between."""
    one = planned(max_failed="0", waves=("2", "4", "100%"), approve_before=(2, 3))
    start = one.now
    arrivals = sorted(
        (60 * minute + seconds, number, name, minute)
        for number, (name, minute, copies) in enumerate(requests)
        for seconds in copies
    )
    done: list[int] = []
    for seconds, number, name, minute in arrivals:
        one.now = max(one.now, start + timedelta(seconds=seconds))
        asked_at = start + timedelta(minutes=minute)
        said = one.operate(name, asked_at=asked_at)  # type: ignore[arg-type]
        done += [number] * (said.outcome == "done")
        for job in one.advance().jobs:
            one.create(job)
            one.end(job, {"id-00001"})
    assert len(done) == len(set(done))


def test_a_wave_that_there_is_not_is_refused_with_how_many_there_are() -> None:
    """Not as one that needs no approval."""
    one = planned(waves=("1", "50%", "100%"), approve_before=(2, 3))
    said = one.operate("approve", wave=9)
    assert (said.outcome, said.sentence.endswith("it has 3 waves")) == ("not done", True)


def test_waves_are_approved_in_their_order() -> None:
    """An approval of the third never stands for one of the second."""
    one = planned(waves=("2", "4", "100%"), approve_before=(2, 3))
    said = one.operate("approve", wave=3)
    assert (said.outcome, said.sentence.endswith("is planned: approve wave 2 first")) == (
        "not done",
        True,
    )


def test_a_job_that_was_claimed_when_its_rollout_was_stopped_is_not_sent_again() -> None:
    """The API said later, and there is no later for it."""
    one = planned()
    (job,) = one.advance().jobs
    date = timestamp(one.now)
    attempt = one.log.commit(claim(job.key, date=date, lease=timedelta(minutes=1))).value.attempt
    one.operate("stop")
    one.log.commit(record(job.key, attempt, Deferred("slower", 429)))
    one.create(job)
    found = one.log.read(lambda view: view.job(job.key))
    assert found
    assert (found.state, found.note) == ("expired", "its rollout was stopped before it was sent")
    assert one.counts() == (6, 0, 0, 0, 0)


def test_a_planned_job_is_not_sent_once_too_many_nodes_failed() -> None:
    """Also before the run that pauses the rollout; a person who resumes it lets it be sent."""
    one = planned(max_parallel_jobs=2, max_failed="0")
    first, second = one.advance().jobs
    one.create(first)
    one.end(first, {"id-00001"})
    one.create(second)
    (waiting,) = one.open_jobs()
    assert (waiting.state, waiting.note) == ("deferred", "too many nodes of its rollout failed")
    assert one.advance().standing.waiting.word == "paused"
    one.operate("resume")
    one.create(second)
    assert one.open_jobs()[0].state == "created"


@pytest.mark.parametrize(("status", "name"), [("Timed_out", "retry"), ("Stopped", "resume")])
def test_a_job_of_a_rollout_is_not_let_run_again_by_hand(status: str, name: str) -> None:
    """Its nodes may be in another job of it, or in one of another rollout."""
    one = planned()
    (job,) = one.advance().jobs
    one.create(job)
    one.end(job, {"id-00001"}, status)
    request = OperationRequest(OPERATIONS[name], {"kind": "operator"})
    result = one.log.commit(look_at_job(job.key, request)).value.result
    assert result
    assert (result.outcome, "`nightdrop rollout retry`" in result.sentence) == ("not done", True)
