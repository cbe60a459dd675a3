"""What jobs have done to nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from handler.emulator.ief.job import Job, retried, started
from handler.emulator.ief.job_simulation import JobSimulation
from handler.emulator.ief.node_upgrades import NodeUpgrades, completed_upgrades

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

SIMULATION = JobSimulation(job_seconds=4, parallelism=1)


def job(*nodes: str, number: int = 1, failing: str = "") -> Job:
    """Build a job that begins at 1000: a second of waiting, then the nodes one after the other."""
    content: Json = {"targets": [{"target_id": node} for node in nodes]}
    request: dict[str, Json] = {"job_name": "a", "job_type": "node_upgrade", "job_content": content}
    one = Job(str(UUID(int=number)), number, 1000.0, request)
    return started(one, SIMULATION, {failing})


def upgrades(*jobs: Job) -> NodeUpgrades:
    """Follow some jobs."""
    followed = NodeUpgrades()
    for one in jobs:
        followed.save(one)
    return followed


def test_a_node_is_upgraded_when_its_task_has_succeeded() -> None:
    """One after the other, with the time of each."""
    followed = upgrades(job("n1", "n2"))
    assert followed.at(1001) == ({}, frozenset({"n1"}))
    times, upgrading = followed.at(1004)
    assert (list(times), upgrading) == (["n1"], frozenset({"n2"}))
    assert 1002 < times["n1"][0] <= 1004
    times, upgrading = followed.at(2000)
    assert (list(times), upgrading) == (["n1", "n2"], frozenset())


def test_a_task_that_failed_upgrades_nothing() -> None:
    """Nor does a job of another kind."""
    deployment = job("n2", number=2)
    deployment = replace(
        deployment, request={**deployment.request, "job_type": "deployment_deploy"}
    )
    followed = upgrades(job("n1", failing="n1"), deployment)
    assert followed.at(1002)[1] == {"n1"}
    assert followed.at(2000) == ({}, frozenset())


def test_a_settled_job_that_is_retried_is_followed_again() -> None:
    """What it had done before counts once, and its new tasks are added."""
    one = job("n1", "n2", failing="n2")
    followed = upgrades(one)
    before, _ = followed.at(2000)
    followed.save(retried(one, 2000, SIMULATION, frozenset()))
    assert followed.at(2001) == (before, frozenset({"n2"}))
    after, _ = followed.at(3000)
    assert (after["n1"], len(after["n2"])) == (before["n1"], 1)


def test_a_deleted_job_leaves_its_upgrades() -> None:
    """Whether it was settled or not."""
    one = job("n1", "n2")
    for now, left in ((1004.0, ["n1"]), (2000.0, ["n1", "n2"])):
        followed = upgrades(one)
        followed.at(now)
        followed.remove(one.job_id, completed_upgrades(one, now))
        assert list(followed.at(3000)[0]) == left
