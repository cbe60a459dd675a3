"""What jobs have done to nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from handler.emulator.ief.effects import Effects, Upgrade, completed_upgrades, nodes_being_upgraded
from handler.emulator.ief.job import Job, retried, started
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

SIMULATION = JobSimulation(job_seconds=4, parallelism=1)


def job(*nodes: str, number: int = 1, failing: str = "") -> Job:
    """Build a job that begins at 1000: a second of waiting, then the nodes one after the other."""
    content: Json = {"targets": [{"target_id": node} for node in nodes]}
    request: dict[str, Json] = {"job_name": "a", "job_type": "node_upgrade", "job_content": content}
    one = Job(str(UUID(int=number)), number, 1000.0, request)
    return started(one, SIMULATION, JobConditions(frozenset({failing})))


def upgrades(*jobs: Job) -> Effects[Upgrade]:
    """Follow some jobs."""
    followed = Effects(completed_upgrades)
    for one in jobs:
        followed.save(one)
    return followed


def seen(followed: Effects[Upgrade], now: float) -> tuple[list[str], list[str]]:
    """Return the nodes that are upgraded, and those that are being upgraded."""
    return list(followed.at(now)), sorted(nodes_being_upgraded(followed.changing.values(), now))


def test_a_node_is_upgraded_when_its_task_has_succeeded() -> None:
    """One after the other, with the time of each."""
    followed = upgrades(job("n1", "n2"))
    assert seen(followed, 1001) == ([], ["n1"])
    assert seen(followed, 1004) == (["n1"], ["n2"])
    assert 1002 < followed.at(1004)["n1"][0].at <= 1004
    assert seen(followed, 2000) == (["n1", "n2"], [])
    assert followed.changing == {}


def test_a_task_that_failed_upgrades_nothing() -> None:
    """Nor does a job of another kind."""
    deployment = job("n2", number=2)
    request = {**deployment.request, "job_type": "deployment_deploy"}
    followed = upgrades(job("n1", failing="n1"), replace(deployment, request=request))
    assert seen(followed, 1002) == ([], ["n1"])
    assert seen(followed, 2000) == ([], [])


def test_a_settled_job_that_is_retried_is_followed_again() -> None:
    """What it had done before counts once, and its new tasks are added."""
    one = job("n1", "n2", failing="n2")
    followed = upgrades(one)
    before = followed.at(2000)
    followed.save(retried(one, 2000, SIMULATION, JobConditions()))
    assert followed.at(2001.5) == before
    assert seen(followed, 2001.5) == (["n1"], ["n2"])
    after = followed.at(3000)
    assert (after["n1"], len(after["n2"])) == (before["n1"], 1)


def test_a_deleted_job_leaves_its_upgrades() -> None:
    """Whether it was settled or not."""
    one = job("n1", "n2")
    for now, left in ((1004.0, ["n1"]), (2000.0, ["n1", "n2"])):
        followed = upgrades(one)
        followed.at(now)
        followed.remove(one.job_id, completed_upgrades(one, now))
        assert list(followed.at(3000)) == left
