"""An event of a rollout that comes again: it never begins a second one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet import Fleet, Node
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_night import EVENING, Killed, Night, Steps

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

SPEC: Json = {
    "kind": "node_upgrade",
    "name": "three",
    "targets": {"select": {"name": "*"}},
    "rollout": {"waves": [1, "100%"]},
}


def evening() -> Night:
    """Return an evening with three nodes."""
    clock = Clock(EVENING)
    nodes = tuple(Node(f"id-{one}", f"gw-{one}") for one in range(3))
    return Night(clock, EmulatedIef(Fleet(nodes, complete=True), clock), MemoryLog(clock))


def refusing() -> Night:
    """Return an evening with three nodes, and an API that refuses the first job."""
    one = evening()
    refusal: Json = {"operation": "CreateBatchJob", "fault": "status", "status": 400, "times": 1}
    one.ief.faults.set([refusal])
    return one


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_rollout_whose_first_job_was_refused_is_not_started_again(*, is_stopped: bool) -> None:
    """It goes on with the other nodes by itself, or was stopped; `rollout retry` tries again."""
    one = refusing()
    one.order(SPEC)
    if is_stopped:
        one.operate("stop")
    one.order(SPEC)
    assert len(one.log.read(lambda view: view.rollouts.latest(9))) == 1
    assert len(one.ief.jobs()) == (not is_stopped)


def test_a_rollout_that_is_delivered_again_is_a_duplicate_while_it_runs() -> None:
    """As a job is; the reply shows how it stands."""
    one = evening()
    first, second = one.order(SPEC), one.order(SPEC)
    assert (first.outcome, second.outcome) == ("submitted", "duplicate")
    assert second.rollouts == first.rollouts


@pytest.mark.parametrize("last", [4, 7], ids=["after the plan", "before its first job is sent"])
def test_a_delivery_that_brings_its_rollout_on_is_no_duplicate(last: int) -> None:
    """The one before it was killed."""
    one = evening()
    with pytest.raises(Killed):
        one.order(SPEC, Steps(last))
    assert one.ief.jobs() == []
    assert one.order(SPEC).outcome == "submitted"
    assert len(one.ief.jobs()) == 1
