"""The responses about nodes and groups, and the nodes that a query selects."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from handler.emulator.ief.effects import Upgrade
from handler.emulator.ief.fleet import Fleet, Group, Node
from handler.emulator.ief.job import Job, started
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
from handler.emulator.ief.responses import FleetStatus, listed_view, shown_view

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

DOCKS = Group("g1", "docks")
FLEET = Fleet(
    (
        Node("n1", "gate-north-1", version="2.53.0", upgrade_flag=True, tags=(("site", "north"),)),
        Node("n2", "gate-north-2", tags=(("site", "north"), ("line", "2")), groups=("g1",)),
        Node("n3", "gate-south-1", tags=(("site", "south"),), groups=("g1",)),
        Node("n4", "gate-south-2", state="UNCONNECTED", tags=(("site", "south"),)),
    ),
    (DOCKS,),
    newest="2.56.0",
)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["n1", "n2", "n3", "n4"]),
        ({"name": "north"}, ["n1", "n2"]),
        ({"state": "UNCONNECTED"}, ["n4"]),
        ({"tags": "site.south", "state": "RUNNING"}, ["n3"]),
        ({"tags": "site.north,line.2"}, ["n2"]),
        ({"tags": "site.south,site.north"}, []),
        ({"group_id": "g1"}, ["n2", "n3"]),
        ({"group_id": "g1", "tags": "site.south"}, ["n3"]),
        ({"group_id": "g2"}, []),
        ({"name": "x"}, []),
    ],
)
def test_a_query_selects_by_all_its_parts(query: dict[str, str], ids: list[str]) -> None:
    """A part of the name, the state, the group and every tag must fit."""
    assert [node.node_id for node in FleetStatus(FLEET).select(query)] == ids


def test_an_upgrade_clears_the_flag_and_is_remembered() -> None:
    """The version is the newest, and the history names both."""
    (node, *_) = FleetStatus(FLEET, upgrades={"n1": (Upgrade("n1", 1_800_000_000.9),)}).views()
    assert (node["upgrade_flag"], node["ief_node_version"]) == (False, "2.56.0")
    assert node["upgrade_history"] == [
        {
            "from_version": "2.53.0",
            "to_version": "2.56.0",
            "upgrade_time": "1800000000",
            "result": "upgrade_success",
        }
    ]


def test_a_node_that_is_being_upgraded_says_so() -> None:
    """It is not RUNNING meanwhile, and a query by state knows that."""
    condition = FleetStatus(FLEET, upgrading={"n1"})
    assert [node.node_id for node in condition.select({"state": "UPGRADING"})] == ["n1"]
    assert "n1" not in str(condition.select({"state": "RUNNING"}))


def test_a_group_holds_its_nodes() -> None:
    """With all fields of each."""
    status = FleetStatus(FLEET)
    view = status.group_view(DOCKS, "p")
    assert (view["id"], view["name"], view["project_id"]) == ("g1", "docks", "p")
    assert view["nodes"] == [status.view(node) for node in status.select({"group_id": "g1"})]


def job(kind: str = "node_upgrade", failing: frozenset[str] = frozenset()) -> Job:
    """Build a job with two targets, created at 100.5, done by 102.5."""
    content: Json = {"target_type": "node", "targets": [{"target_id": "a"}, {"target_id": "b"}]}
    request: dict[str, Json] = {
        "job_name": "nightly",
        "job_type": kind,
        "job_content": content,
        "description": "any",
        "tags": [{"key": "site", "value": "north"}],
    }
    return started(
        Job(str(UUID(int=1)), 1, 100.5, request), JobSimulation(), JobConditions(failing)
    )


def task_progress(one: Job, now: float = 103) -> list[dict[str, Json]]:
    """Return the tasks that Show lists."""
    shown = shown_view(one, now)["tasks"]
    assert isinstance(shown, list)
    return [task for task in shown if isinstance(task, dict)]


def test_the_list_counts_rightly() -> None:
    """Only Show swaps the counters."""
    view = listed_view(job(failing=frozenset("a")), 103)
    assert (view["task_total_count"], view["task_success_count"]) == (2, 1)
    assert view["task_failed_count"] == 1
    assert view["status"] == "Partially_successful"


def test_show_swaps_its_counters() -> None:
    """A job that succeeded shows as failed in them, as in the API's own example."""
    view = shown_view(job(), 103)
    assert (view["task_success_count"], view["task_failed_count"]) == (0, 2)
    assert view["status"] == "Successful"


def test_a_task_that_failed_says_why() -> None:
    """And one that did not has an empty reason."""
    reasons = [task["reason"] for task in task_progress(job(failing=frozenset("a")))]
    assert reasons == ["the edge node did not answer", ""]


def test_there_is_one_task_for_each_target() -> None:
    """In the order of the targets, with ids that stay."""
    first, again = task_progress(job(), 100.5), task_progress(job())
    assert [task["target_id"] for task in first] == ["a", "b"]
    assert [task["task_id"] for task in first] == [task["task_id"] for task in again]


def test_tasks_of_a_deployment_name_it() -> None:
    """A node upgrade has none to name."""
    assert "deployment_id" in str(task_progress(job("deployment_deploy")))
    assert "deployment_id" not in str(task_progress(job()))


def test_tags_are_in_no_view() -> None:
    """They are write-only; the description is returned."""
    for view in (listed_view(job(), 101), shown_view(job(), 101)):
        assert "tags" not in view
        assert view["description"] == "any"


def test_created_at_is_in_whole_seconds() -> None:
    """As in the API's example."""
    assert listed_view(job(), 101)["created_at"] == 100
