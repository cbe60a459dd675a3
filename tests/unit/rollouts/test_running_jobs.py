"""The running jobs of a rollout that is paused or stopped, on an emulated fleet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from handler.emulator.ief.fleet import Behaviour, Fleet, Node
from handler.rollouts.operations import RolloutRequest, operate
from tests.faults.memory_log import MemoryLog
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


def test_a_stop_says_which_jobs_stay_paused() -> None:
    """Their nodes are in a job that nobody goes on with, and no other rollout takes them."""
    one = night()
    one.operate("pause")
    one.tick()
    request = RolloutRequest("stop", {"kind": "operator"})
    said = one.log.commit(operate(one.rollout.key, request)).value.sentence
    assert "; 1 of its jobs stay paused: `nightdrop jobs resume`" in said
