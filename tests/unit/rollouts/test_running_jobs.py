"""The running jobs of a rollout that is paused or stopped, on an emulated fleet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet import Behaviour, Fleet, Node
from handler.jobs.operation_submission import operation_submission
from handler.jobs.operations import OPERATIONS, OperationRequest, OperationResult
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_night import EVENING, Night

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

FAST = Behaviour(failing=1.0, median=30, p95=31)
SLOW = Behaviour(failing=0.0, median=500, p95=501)
RUNNING = {"Running": 1, "Failed": 1}
PAUSED = {"Stopping": 1, "Failed": 1}


def night(**settings: Json) -> Night:
    """Return an evening with a node that fails soon and one that is slow, in a job each."""
    clock = Clock(EVENING)
    nodes = (Node("id-1", "fast", behaviour=FAST), Node("id-2", "slow", behaviour=SLOW))
    one = Night(clock, EmulatedIef(Fleet(nodes, complete=True), clock), MemoryLog(clock))
    rollout: Json = {"max_targets_per_job": 1, "running_jobs": "pause", **settings}
    select: Json = {"select": {"name": "*"}}
    one.order({"kind": "node_upgrade", "name": "two", "targets": select, "rollout": rollout})
    one.wait(5)
    return one


def statuses(one: Night) -> Counter[str]:
    """Count the statuses of the fleet's jobs."""
    return Counter(str(job["status"]) for job in one.ief.jobs())


def paused_by_hand(one: Night) -> OperationResult:
    """Let an operator pause the job that runs; return what became of that."""
    one.tick()
    (job,) = one.log.read(lambda view: view.open(9)).followed
    request = OperationRequest(OPERATIONS["pause"], {"kind": "operator"})
    invocation = one.invocation()
    return invocation.runner.drive(operation_submission(job.key, request, invocation.sending))


def test_a_breach_pauses_the_running_jobs_in_the_same_run() -> None:
    """By the next one they would have ended."""
    one = night(max_failed=0)
    assert statuses(one) == RUNNING
    one.tick()
    assert (one.rollout.state, statuses(one)) == ("paused", PAUSED)


def test_running_jobs_are_paused_and_resumed_with_their_rollout() -> None:
    """At IEF, by the run that follows the request."""
    one = night()
    one.operate("pause")
    one.tick()
    assert statuses(one) == PAUSED
    one.wait(1)
    one.operate("resume")
    one.tick()
    assert statuses(one) == {"Waiting": 1, "Failed": 1}


def test_a_job_is_resumed_with_its_rollout_only_while_the_window_is_open() -> None:
    """What was paused at night and is resumed at noon goes on in the next night."""
    clock = Clock(EVENING)
    nodes = (Node("id-2", "slow", behaviour=SLOW),)
    one = Night(clock, EmulatedIef(Fleet(nodes, complete=True), clock), MemoryLog(clock))
    select: Json = {"select": {"name": "*"}}
    window: Json = {"from": "01:00", "to": "03:00", "timezone": "Asia/Shanghai"}
    spec: dict[str, Json] = {"kind": "node_upgrade", "name": "two", "targets": select}
    one.order({**spec, "rollout": {"running_jobs": "pause"}, "window": window})
    one.wait(2)
    one.operate("pause")
    one.tick()
    one.wait(11 * 60)
    one.operate("resume")
    one.tick()
    assert statuses(one) == {"Stopped": 1}
    one.wait(13 * 60)
    one.tick()
    assert statuses(one) == {"Waiting": 1}


def test_jobs_of_a_stopped_rollout_are_resumed_by_a_later_run_too() -> None:
    """Their nodes are busy for other rollouts until they end; the answer may have been lost."""
    one = night()
    one.operate("pause")
    one.tick()
    one.wait(1)
    one.operate("stop")
    assert statuses(one) == {"Stopped": 1, "Failed": 1}
    one.tick()
    assert statuses(one) == {"Waiting": 1, "Failed": 1}
    assert one.log.read(lambda view: view.open(9)).rollouts == ()
    notes = {
        record.fields["action"]: record.fields["note"]
        for record in one.log.records()
        if record.fields["action"] in ("job.paused", "job.resumed")
    }
    assert notes == {
        "job.paused": "its rollout is paused",
        "job.resumed": "its rollout was stopped: what runs already goes on to its end",
    }


def test_a_job_that_was_deleted_while_its_rollout_is_paused_ends() -> None:
    """Each run tries to pause it, and that it cannot changes nothing about its age."""
    one = night()
    one.operate("pause")
    job = next(
        job for job in one.ief.state.all_jobs() if one.ief.show(job.job_id)["status"] == "Running"
    )
    one.ief.delete(job.job_id)
    for _ in range(6):
        one.tick()
        one.wait(5)
    assert one.log.read(lambda view: view.rollouts.counts(one.rollout.key)).running == 0


@pytest.mark.parametrize("stopped", [False, True])
def test_a_job_that_follows_its_rollout_is_not_paused_by_hand(*, stopped: bool) -> None:
    """The next run would resume it."""
    one = night()
    if stopped:
        one.operate("stop")
    said = paused_by_hand(one)
    assert said.outcome == "not done"
    advice = "`nightdrop jobs delete` deletes it" if stopped else "pause or resume the rollout"
    assert advice in said.sentence
    assert statuses(one) == RUNNING


def test_a_job_of_a_rollout_whose_jobs_finish_is_paused_by_hand_and_stays_so() -> None:
    """It waits for the person."""
    one = night(running_jobs="finish")
    said = paused_by_hand(one)
    assert said.outcome == "done"
    one.wait(1)
    one.tick()
    assert statuses(one)["Stopped"] == 1
