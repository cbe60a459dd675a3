"""What jobs have done to nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from handler.emulator.ief.job import Job, started
from handler.emulator.ief.job_simulation import JobSimulation
from handler.emulator.ief.responses import completed_upgrades, nodes_being_upgraded

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


def job(*nodes: str, kind: str = "node_upgrade", failing: str = "") -> Job:
    """Build a job that begins at 1000: a second of waiting, then the nodes one after the other."""
    content: Json = {"targets": [{"target_id": node} for node in nodes]}
    request: dict[str, Json] = {"job_name": "a", "job_type": kind, "job_content": content}
    one = Job(str(UUID(int=1)), 1, 1000.0, request)
    return started(one, JobSimulation(job_seconds=4, parallelism=1), {failing})


def test_a_node_is_upgraded_when_its_task_has_succeeded() -> None:
    """One after the other, with the time of each."""
    jobs = [job("n1", "n2")]
    assert not completed_upgrades(jobs, 1001)
    assert nodes_being_upgraded(jobs, 1001) == {"n1"}
    (first,) = completed_upgrades(jobs, 1004)
    assert (first.node_id, 1002 < first.at <= 1004) == ("n1", True)
    assert nodes_being_upgraded(jobs, 1004) == {"n2"}
    assert [one.node_id for one in completed_upgrades(jobs, 2000)] == ["n1", "n2"]


def test_a_task_that_failed_upgrades_nothing() -> None:
    """Nor does a job of another kind."""
    assert (
        completed_upgrades([job("n1", failing="n1"), job("n2", kind="deployment_deploy")], 2000)
        == ()
    )
    assert nodes_being_upgraded([job("n2", kind="deployment_deploy")], 1002) == frozenset()
