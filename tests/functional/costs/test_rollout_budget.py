"""What a rollout costs, in requests that do not depend on the machine: they follow its jobs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet import Fleet, Node
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_night import EVENING, Night, Steps

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

JOBS, TARGETS = 5, 4


def night(nodes: int, **settings: Json) -> Night:
    """Return an evening with a rollout that was just planned, over so many nodes."""
    clock = Clock(EVENING)
    fleet = Fleet(tuple(Node(f"id-{one}", f"gw-{one}") for one in range(nodes)), complete=True)
    one = Night(clock, EmulatedIef(fleet, clock), MemoryLog(clock))
    rollout: Json = {"max_targets_per_job": TARGETS, "max_parallel_jobs": JOBS, **settings}
    select: Json = {"select": {"name": "gw-*"}}
    one.order({"kind": "node_upgrade", "name": "all", "targets": select, "rollout": rollout})
    return one


def run(one: Night, minutes: float) -> tuple[Counter[str], int]:
    """Let time pass and run the reconciler; return its requests, and all of its steps."""
    one.wait(minutes)
    before, steps = Counter(one.asked), Steps()
    one.tick(steps)
    return one.asked - before, steps.taken


@pytest.mark.parametrize("nodes", [100, 2000])
def test_a_run_over_a_rollout_asks_for_its_running_jobs_and_sends_the_next(nodes: int) -> None:
    """As often with two thousand nodes as with a hundred."""
    one = night(nodes)
    assert run(one, 0.1) == ({"GET job": JOBS}, 2 * JOBS)
    commits_of_a_run, of_a_job = 1, 3  # finished, claimed, created
    requests, steps = run(one, 12)
    assert requests == {"GET job": JOBS, "POST jobs": JOBS}
    assert steps == 2 * (requests.total() + of_a_job * JOBS + commits_of_a_run)


@pytest.mark.parametrize("nodes", [100, 2000])
def test_a_selection_lists_the_nodes_once_a_page(nodes: int) -> None:
    """Pages of 500; nothing is asked of a node by itself."""
    one = night(nodes, approve_before=[1])
    assert set(one.asked) == {"GET nodes"}
    assert one.asked["GET nodes"] == nodes // 500 + 1
    assert run(one, 5) == ({}, 0)


def test_a_rollout_that_waits_asks_for_nothing() -> None:
    """For a person, for a window, or for its soak."""
    one = night(10, soak="1h", waves=[1, "100%"])
    assert run(one, 12) == ({"GET job": 1}, 6)
    assert run(one, 5) == ({}, 0)
