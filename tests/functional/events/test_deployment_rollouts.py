"""Rollouts of deployments: to selected nodes, and of deployments that are selected themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.ief import deployments
from handler.emulator.ief.fleet import Behaviour, Fleet, Node
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef
from tests.support.rollout_night import EVENING, Night

if TYPE_CHECKING:
    from handler.audit.rollouts.state import NodeState
    from handler.values.canonical_json import Json

IMAGE = "registry.example.com/team/camera"


def night() -> Night:
    """Return an evening with five cameras."""
    clock = Clock(EVENING)
    nodes = (
        Node(f"{number:08}-0000-4000-8000-000000000000", f"camera-{number}", tags=(("line", "a"),))
        for number in range(1, 6)
    )
    fleet = Fleet(nodes=tuple(nodes), complete=True)
    return Night(clock, EmulatedIef(fleet, clock), MemoryLog(clock))


def deployment(version: str) -> dict[str, Json]:
    """Return a deployment of an image."""
    return {
        "replicas": 1,
        "template": {
            "configs": {"restart_policy": "Always"},
            "containers": [
                {
                    "name": "camera",
                    "image_url": IMAGE,
                    "version": version,
                    "resources": {"limits": {}, "requests": {}},
                }
            ],
        },
    }


def roll_out(one: Night, kind: str, name: str, select: dict[str, Json], version: str) -> None:
    """Carry out a rollout in two waves, in jobs of two targets."""
    spec: dict[str, Json] = {
        "kind": kind,
        "name": name,
        "targets": {"select": select},
        "deployment": deployment(version),
        "rollout": {"waves": [1, "100%"], "max_targets_per_job": 2},
    }
    one.order(spec, name=name)
    for _ in range(20):
        if one.rollout.ended:
            return
        one.wait(5)
        one.tick()


def versions(one: Night) -> list[str]:
    """Return the version that each deployment of the fleet runs, by their names."""
    found = one.ief.state.deployments()
    views: list[Any] = [found.view(key) for key in found.changes]
    return [view["template"]["containers"][0]["version"] for view in views]


def failed(one: Night) -> tuple[NodeState, ...]:
    """Return the nodes of the latest rollout that failed."""
    return one.log.read(lambda view: view.rollouts.nodes_in_state(one.rollout.key, "failed", 99))


def test_a_deployment_goes_to_the_selected_nodes_wave_after_wave() -> None:
    """Each node has one, and it is what the spec says."""
    one = night()
    roll_out(one, "deployment_deploy", "camera", {"tags": {"line": "a"}}, "1.0")
    jobs = one.ief.state.all_jobs()
    assert [len(job.targets) for job in jobs] == [1, 2, 2]
    assert {json.loads(job.task_data)["name_prex"] for job in jobs} == {"camera"}
    assert versions(one) == ["1.0"] * 5
    assert one.rollout.succeeded == 5


def test_deployments_that_are_selected_by_their_names_are_upgraded() -> None:
    """They are the targets, and each is upgraded once."""
    one = night()
    roll_out(one, "deployment_deploy", "camera", {"tags": {"line": "a"}}, "1.0")
    roll_out(one, "deployment_deploy", "other", {"name": "camera-1"}, "1.0")
    roll_out(one, "deployment_upgrade", "upgrade", {"name": "camera-*"}, "2.0")
    assert sorted(versions(one)) == ["1.0", *["2.0"] * 5]
    assert one.rollout.succeeded == 5
    upgraded = [job for job in one.ief.state.all_jobs() if job.kind == "deployment_upgrade"]
    targets = [target["target_id"] for job in upgraded for target in job.targets]
    assert len(targets) == len(set(targets)) == 5


def test_a_node_whose_pod_failed_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although IEF calls its task successful."""
    states = {**deployments._POD_STATES, "Successful": "CREATE_FAIL"}  # noqa: SLF001 - its container dies
    monkeypatch.setattr(deployments, "_POD_STATES", states)
    one = night()
    roll_out(one, "deployment_deploy", "camera", {"tags": {"line": "a"}}, "1.0")
    assert {node.note for node in failed(one)} == {"its pod is CREATE_FAIL"}
    assert len(failed(one)) == 5


@pytest.mark.parametrize("status", [403, 404, 503])
def test_without_the_right_to_list_pods_the_word_of_ief_counts(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The rollout is not held up."""
    states = {**deployments._POD_STATES, "Successful": "FAILED"}  # noqa: SLF001 - its container dies
    monkeypatch.setattr(deployments, "_POD_STATES", states)
    one = night()
    one.ief.faults.set([{"operation": "ListPods", "fault": "status", "status": status}])
    roll_out(one, "deployment_deploy", "camera", {"tags": {"line": "a"}}, "1.0")
    assert one.rollout.succeeded == 5


def test_late_joiners_of_deployments_are_deployments() -> None:
    """Not the nodes that the same selector would match."""
    one = night()
    roll_out(one, "deployment_deploy", "deploy", {"tags": {"line": "a"}}, "1")
    spec: Any = {
        "kind": "deployment_upgrade",
        "name": "up",
        "targets": {"select": {"name": "*"}},
        "deployment": deployment("2"),
        "rollout": {
            "waves": [1, "100%"],
            "max_targets_per_job": 2,
            "late_joiners": "include",
        },
    }
    one.order(spec, name="up")
    for _ in range(30):
        if not one.rollout.ended:
            one.wait(5)
            one.tick()
    upgrades = [job for job in one.ief.state.all_jobs() if job.kind == "deployment_upgrade"]
    targets = {str(target["target_id"]) for job in upgrades for target in job.targets}
    nodes = {str(node["id"]) for node in one.ief.nodes()}
    assert one.rollout.ended
    assert targets
    assert not targets & nodes


def test_a_failed_pod_of_a_job_that_partly_failed_stays_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later look at the job asks for the pods too: its tasks alone would say that all is well."""
    states = {**deployments._POD_STATES, "Successful": "CREATE_FAIL"}  # noqa: SLF001 - as above
    monkeypatch.setattr(deployments, "_POD_STATES", states)
    clock = Clock(EVENING)
    broken = Behaviour(failing=1.0, median=30, p95=31)
    ids = [f"{number:08}-0000-4000-8000-000000000000" for number in (1, 2, 3)]
    fleet = Fleet((Node(ids[0], "a"), Node(ids[1], "b", behaviour=broken), Node(ids[2], "c")))
    one = Night(clock, EmulatedIef(replace(fleet, complete=True), clock), MemoryLog(clock))
    rollout: Json = {"waves": [2, "100%"], "max_targets_per_job": 2, "soak": "1h"}
    spec: dict[str, Json] = {"kind": "deployment_deploy", "name": "camera", "rollout": rollout}
    one.order({**spec, "targets": {"nodes": [*ids]}, "deployment": deployment("1")})
    for _ in range(4):
        one.wait(3)
        one.tick()
    assert "node.succeeded" not in [record.fields["action"] for record in one.records()]
    assert one.log.read(lambda view: view.rollouts.counts(one.rollout.key)).failed == 2
