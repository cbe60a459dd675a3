"""The fates that tasks draw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handler.emulator.ief.fleet import Behaviour, Flapping, Fleet, Group, Node
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation

if TYPE_CHECKING:
    from handler.emulator.ief.run import Run

NONE = JobConditions()
TARGETS = [(index, f"n{index}") for index in range(200)]


def test_a_fate_repeats_with_its_seed_and_differs_with_another() -> None:
    """The same job and attempt meet the same fate again."""
    active = [
        JobSimulation(failure_rate=0.5, seed=seed).tasks("node_upgrade", draw, TARGETS, NONE)
        for seed, draw in ((1, "1/0"), (1, "1/0"), (2, "1/0"), (1, "1/1"))
    ]
    assert active[0] == active[1]
    assert active[0] not in active[2:]


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0, 0, 0), (0.3, 35, 85), (1.0, 200, 200)])
def test_about_as_many_tasks_fail_as_the_rate_says(rate: float, least: int, most: int) -> None:
    """Each with a reason."""
    tasks = JobSimulation(failure_rate=rate).tasks("deployment_deploy", "1/0", TARGETS, NONE)
    assert least <= sum(bool(task.reason) for task in tasks) <= most


def test_tasks_that_all_run_at_once_are_done_in_a_jobs_seconds() -> None:
    """Waiting and the longest task together."""
    simulation = JobSimulation(job_seconds=20)
    tasks = simulation.tasks("node_upgrade", "1/0", TARGETS, NONE)
    assert simulation.run(0, tasks, NONE).waiting == 5
    assert all(9 <= task.seconds <= 15 for task in tasks)


@pytest.mark.parametrize(
    ("state", "reason", "reachable"),
    [
        ("RUNNING", "", True),
        ("UNCONNECTED", "", False),
        ("FAIL", "the edge node is in state FAIL", True),
        ("STOPPED", "the edge node is stopped", True),
        ("UPGRADING", "the edge node is being upgraded", True),
        ("FREEZE", "the edge node is frozen", True),
    ],
)
def test_a_nodes_state_decides(state: str, reason: str, reachable: bool) -> None:  # noqa: FBT001 - a column of the table
    """An unreachable node may come back, any other state fails at once."""
    simulation = JobSimulation(Fleet((Node("n1", "a", state=state),)))
    (task,) = simulation.tasks("node_upgrade", "1/0", [(0, "n1")], NONE)
    assert (task.reason, task.reachable) == (reason, reachable)


def test_a_target_that_is_no_node_of_the_fleet_works() -> None:
    """So that specs for a real fleet can be tried."""
    (task,) = JobSimulation(Fleet()).tasks("node_upgrade", "1/0", [(0, "elsewhere")], NONE)
    assert (task.reason, task.reachable) == ("", True)


def test_a_failing_target_fails() -> None:
    """Whatever chance says."""
    first, second = JobSimulation().tasks(
        "node_upgrade", "1/0", [(0, "a"), (1, "b")], JobConditions(frozenset("b"))
    )
    assert (first.reason, second.reason) == ("", "the edge node did not answer")


def test_a_target_that_is_not_in_a_complete_fleet_fails() -> None:
    """A typing error in an id is found; an id of a group is one of the fleet, too."""
    simulation = JobSimulation(Fleet((Node("n1", "a"),), (Group("g1", "docks"),), complete=True))
    targets = [(0, "n1"), (1, "g1"), (2, "n2")]
    reasons = [task.reason for task in simulation.tasks("deployment_deploy", "1/0", targets, NONE)]
    assert reasons == ["", "", "there is no edge node or node group with this id"]
    (task,) = simulation.tasks("deployment_upgrade", "1/0", [(0, "a-deployment")], NONE)
    assert task.reason == ""


def behaving(behaviour: Behaviour) -> JobSimulation:
    """Simulate nodes of one kind, on which no other task would fail."""
    nodes = tuple(Node(name, name, behaviour=behaviour) for _, name in TARGETS)
    return JobSimulation(Fleet(nodes), failure_rate=1.0)


def test_the_nodes_behaviour_goes_before_the_failure_rate() -> None:
    """Also if none of their tasks fail."""
    for share, least, most in ((0.0, 0, 0), (0.3, 35, 85)):
        tasks = behaving(Behaviour(failing=share)).tasks("node_upgrade", "1/0", TARGETS, NONE)
        assert least <= sum(bool(task.reason) for task in tasks) <= most


def test_the_seconds_of_tasks_are_distributed_as_the_behaviour_says() -> None:
    """Half below the median, 95 % below the other."""
    behaviour = Behaviour(failing=0.0, median=60, p95=240)
    tasks = behaving(behaviour).tasks("node_upgrade", "1/0", TARGETS, NONE)
    seconds = sorted(task.seconds for task in tasks)
    assert 45 <= seconds[len(seconds) // 2] <= 80
    assert 150 <= seconds[len(seconds) * 95 // 100] <= 400


def test_a_late_task_has_a_reason_and_a_time_after_which_it_succeeds() -> None:
    """From a minute to half an hour."""
    tasks = behaving(Behaviour(failing=0.0, late=0.3)).tasks("node_upgrade", "1/0", TARGETS, NONE)
    late = [task for task in tasks if task.reason]
    assert 35 <= len(late) <= 85
    assert all(60 <= task.late <= 1800 for task in late)


def test_a_task_waits_for_its_node_to_come_back() -> None:
    """In seconds of the fleet's time, from the time its run starts."""
    simulation = JobSimulation(Fleet((Node("n1", "a", flapping=Flapping(600, 0.0)),)), speed=60)
    away = [
        simulation.tasks("node_upgrade", "1/0", [(0, "n1")], NONE, now=now)[0].away
        for now in (0, 1, 5)
    ]
    assert away == pytest.approx([300, 240, 0])


def waits(simulation: JobSimulation, *sizes: int, parallelism: int) -> list[float]:
    """Return how long jobs of some sizes wait that are created at once, in a fleet with a limit."""
    simulation = replace(simulation, fleet=Fleet(parallelism=parallelism))
    runs: list[Run] = []
    for number, size in enumerate(sizes):
        around = JobConditions(runs=runs)
        tasks = simulation.tasks("node_upgrade", f"{number}/0", TARGETS[:size], around)
        runs.append(simulation.run(0, tasks, around))
    return [run.waiting for run in runs]


def test_a_job_waits_until_the_fleet_has_room_for_its_tasks() -> None:
    """Jobs for which there is room start at once; the next when as many tasks have ended."""
    simulation = JobSimulation(job_seconds=100, parallelism=10)
    first, second, third, fourth = waits(simulation, 10, 10, 10, 10, parallelism=20)
    assert (first, second) == (25, 25)
    assert 25 + 45 <= third <= fourth <= 100


def test_a_job_larger_than_the_limit_runs_as_many_tasks_as_that() -> None:
    """It waits until nothing else runs."""
    simulation = JobSimulation(job_seconds=100, parallelism=10)
    first, second = waits(simulation, 1, 10, parallelism=5)
    assert (first, second > 25) == (25, True)


def test_without_a_limit_no_job_waits_for_another() -> None:
    """However many there are."""
    assert set(waits(JobSimulation(job_seconds=100), *[10] * 20, parallelism=0)) == {25}
