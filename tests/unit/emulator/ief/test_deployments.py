"""Deployments and pods, as jobs make them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from handler.emulator.ief.deployments import Deployments, deployment_changes, deployment_id
from handler.emulator.ief.effects import Effects
from handler.emulator.ief.fleet import Flapping, Fleet, Group, Node
from handler.emulator.ief.job import Job, started
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation
from handler.emulator.ief.responses import shown_view

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

FLEET = Fleet(
    (Node("n1", "a"), Node("n2", "b", groups=("g1",)), Node("n3", "c", state="FAIL")),
    (Group("g1", "docks"),),
)
SIMULATION = JobSimulation(FLEET, job_seconds=4)
OVER = 2000.0


def task_data(image: str) -> str:
    """Write the task data of a job, with one container."""
    template: Json = {"configs": {"restart_policy": "Always"}, "containers": [{"image_url": image}]}
    deployment: Json = {"replicas": 1, "template": template}
    return json.dumps({"name_prex": "shop", "deployment": deployment, "source": "userdefined"})


def job(number: int, kind: str, *targets: str, hosts: dict[str, str] | None = None) -> Job:
    """Build a job that starts at 1000, a second later for each number; it has image `number`."""
    content: Json = {
        "targets": [{"target_id": target} for target in targets],
        "task_data": task_data(f"image-{number}"),
    }
    request: dict[str, Json] = {"job_name": "a", "job_type": kind, "job_content": content}
    one = Job(str(UUID(int=number)), number, 1000.0 + number, request)
    return started(one, SIMULATION, JobConditions(hosts=hosts or {}))


def deployments(*jobs: Job, now: float = OVER, fleet: Fleet = FLEET) -> Deployments:
    """Return what some jobs have made of the deployments."""
    effects = Effects(deployment_changes)
    for one in jobs:
        effects.save(one)
    return Deployments(fleet, now, effects.at(now), "p")


DEPLOY = job(1, "deployment_deploy", "n1", "g1", "n3")
FIRST = deployment_id(DEPLOY, 0)


def test_each_successful_task_creates_a_deployment() -> None:
    """Its id and name are those that the job shows; a task that failed creates none."""
    found = deployments(DEPLOY)
    tasks = shown_view(DEPLOY, OVER)["tasks"]
    assert isinstance(tasks, list)
    shown = [str(task) for task in tasks if "'Successful'" in str(task)]
    views = [found.view(key) for key in found.select({})]
    assert len(views) == len(shown) == 2
    for view in views:
        assert str(view["name"]).startswith("shop-")
        assert any(str(view["id"]) in task and str(view["name"]) in task for task in shown)
    assert deployments(DEPLOY, now=1001).select({}) == []


def test_a_deployment_shows_its_target_and_its_template() -> None:
    """A node or a group, and times in the form of the API's example."""
    found = deployments(DEPLOY)
    on_node, on_group = found.view(FIRST), found.view(deployment_id(DEPLOY, 1))
    assert (on_node["node_ids"], on_node["group_id"]) == (["n1"], "")
    assert (on_group["node_ids"], on_group["group_id"]) == ([], "g1")
    assert (on_node["replicas"], on_node["ready_replicas"]) == (1, 1)
    assert "image-1" in str(on_node["template"])
    assert str(on_node["created_at"]).startswith("1970-01-01T00:16:4")
    assert str(on_node["created_at"]).endswith("Z")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"name": "shop"}, {FIRST, deployment_id(DEPLOY, 1)}),
        ({"name": "store"}, set()),
        ({"node_id": "n1"}, {FIRST}),
        ({"group_id": "g1"}, {deployment_id(DEPLOY, 1)}),
    ],
)
def test_a_query_selects_deployments(query: dict[str, str], ids: set[str]) -> None:
    """By a part of the name, and by where they run."""
    assert set(deployments(DEPLOY).select(query)) == ids


def test_the_newest_deployment_is_listed_first() -> None:
    """Unless the query asks for the oldest."""
    later = job(50, "deployment_deploy", "n2")
    found = deployments(DEPLOY, later)
    assert found.select({})[0] == deployment_id(later, 0)
    assert found.select({"sort": "created_at:asc"})[-1] == deployment_id(later, 0)


def test_an_upgrade_changes_a_deployment_by_its_id() -> None:
    """Its pod is pending while the task runs; then it has the new template."""
    upgrade = job(100, "deployment_upgrade", FIRST)
    for now, state, image in ((1102.0, "PENDING", "image-1"), (OVER, "RUNNING", "image-100")):
        found = deployments(DEPLOY, upgrade, now=now)
        [pod] = found.pods(FIRST)
        assert (pod["state"], image in str(pod["containers"])) == (state, True)
        assert image in str(found.view(FIRST)["template"])
    assert found.view(FIRST)["updated_at"] != found.view(FIRST)["created_at"]
    assert f"'value': '{FIRST}'" in str(shown_view(upgrade, OVER)["tasks"])


def test_an_upgrade_depends_on_the_deployments_node() -> None:
    """If that is in state FAIL, so do the task and the pod, which keeps its template."""
    upgrade = job(100, "deployment_upgrade", FIRST, hosts={FIRST: "n3"})
    found = deployments(DEPLOY, upgrade)
    [pod] = found.pods(FIRST)
    assert (pod["state"], pod["reason"]) == ("FAILED", "the edge node is in state FAIL")
    assert "image-1'" in str(pod["containers"])
    assert found.view(FIRST)["ready_replicas"] == 0


def test_the_pod_of_a_node_out_of_reach_is_in_an_unknown_state() -> None:
    """Until the node is back."""
    away = replace(FLEET.nodes[0], flapping=Flapping(1000, 0.0))
    fleet = Fleet((away,))
    states = [
        deployments(DEPLOY, now=now, fleet=fleet).pods(FIRST)[0]["state"]
        for now in (2000.0, 2600.0)
    ]
    assert states == ["UNKNOWN", "RUNNING"]


def test_pods_are_selected_by_deployments_or_by_where_they_run() -> None:
    """The pod of a group's deployment runs on one of its nodes."""
    found, second = deployments(DEPLOY), deployment_id(DEPLOY, 1)
    selected = [
        [pod["deployment_id"] for pod in found.select_pods(query)]
        for query in (
            {"deployment_id": FIRST},
            {"deployment_ids": f"{FIRST},{second},unknown"},
            {"node_id": "n2"},
            {"group_id": "g1"},
        )
    ]
    assert selected == [[FIRST], [FIRST, second], [second], [second]]
    assert len(found.select_pods({})) == 2


def test_a_change_of_an_unknown_deployment_makes_none() -> None:
    """It has no name, no node and no pod."""
    found = deployments(job(1, "deployment_upgrade", "elsewhere"))
    assert (found.select({}), found.select_pods({"deployment_id": "elsewhere"})) == ([], [])
