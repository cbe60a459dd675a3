"""The state of the services."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from handler.emulator.ief.fleet import Fleet, Node
from handler.emulator.ief.job_simulation import JobSimulation
from handler.emulator.state.state import DuplicateNameError, RequestRecord, State

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


def state() -> State:
    """Build a state with one bucket, counted ids and a clock that stands."""
    numbers = count(1)
    return State(lambda: 100.0, lambda: str(UUID(int=next(numbers))), JobSimulation(), ("drop",))


def test_names_may_repeat_unless_they_must_not() -> None:
    """Both ways the real service may behave."""
    kept = state()
    kept.create_job({"job_name": "a", "job_type": "node_upgrade"})
    kept.create_job({"job_name": "a", "job_type": "node_upgrade"})
    with pytest.raises(DuplicateNameError):
        kept.create_job({"job_name": "a", "job_type": "node_upgrade"}, unique_name=True)
    assert len(kept.all_jobs()) == 2


def test_only_one_of_many_threads_gets_a_unique_name() -> None:
    """Looking and adding are one step."""
    kept = state()

    def create(_number: int) -> bool:
        try:
            kept.create_job({"job_name": "a", "job_type": "node_upgrade"}, unique_name=True)
        except DuplicateNameError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(create, range(64))) == 1


def test_a_snapshot_holds_jobs_objects_and_requests() -> None:
    """With tags and the body as received; text only where there is text."""
    kept = state()
    request: dict[str, Json] = {
        "job_name": "a",
        "job_type": "node_upgrade",
        "tags": [{"key": "k", "value": "v"}],
    }
    kept.create_job(request)
    kept.put_object("drop", "t", "ü".encode())
    kept.put_object("drop", "b", b"\xff")
    kept.record(RequestRecord("GET", "/", "ListBuckets", 200, 100.0))
    snapshot = kept.snapshot()

    assert "'tags': [{'key': 'k', 'value': 'v'}]" in str(snapshot["jobs"])
    assert f"'request': {request}" in str(snapshot["jobs"])
    assert snapshot["objects"] == {
        "drop": {
            "t": {"size": 2, "etag": "c03410a5204b21cd8229ff754688d743", "text": "ü"},
            "b": {"size": 1, "etag": "00594fd4f42ba43fc1ca0427a0576295"},
        }
    }
    assert "'operation': 'ListBuckets'" in str(snapshot["requests"])


def test_a_reset_leaves_the_initial_buckets() -> None:
    """Empty, and nothing else."""
    kept = state()
    kept.create_job({"job_name": "a", "job_type": "node_upgrade"})
    kept.put_object("drop", "a", b"")
    kept.create_bucket("other")
    kept.denied.add(("drop", "a"))
    kept.failing_targets.add("n1")
    kept.reset()
    assert kept.snapshot() == {
        "jobs": [],
        "nodes": [],
        "objects": {"drop": {}},
        "requests": [],
        "messages": [],
    }
    assert (kept.denied, kept.failing_targets) == (set(), set())


def test_a_deployment_outlives_its_job_and_is_upgraded_by_its_id() -> None:
    """Until everything is removed."""
    now, numbers = [100.0], count(1)
    fleet = Fleet((Node("n1", "a"),))
    kept = State(lambda: now[0], lambda: str(UUID(int=next(numbers))), JobSimulation(fleet))

    def run(kind: str, target: str, seconds: float = 10) -> str:
        content: Json = {"targets": [{"target_id": target}], "task_data": '{"deployment": {}}'}
        request: dict[str, Json] = {"job_name": "a", "job_type": kind, "job_content": content}
        job = kept.create_job(request)
        now[0] += seconds
        return job.job_id

    deployed = run("deployment_deploy", "n1")
    [key] = kept.deployments().select({})
    kept.delete_job(deployed)
    assert kept.deployments().select({}) == [key]
    assert kept.deployments().hosts() == {key: "n1"}
    unfinished = run("deployment_upgrade", key, seconds=1)
    assert kept.deployments().pods(key)[0]["state"] == "PENDING"
    kept.delete_job(unfinished)
    assert kept.deployments().pods(key)[0]["state"] == "RUNNING"
    kept.failing_targets.add(key)
    run("deployment_upgrade", key)
    assert kept.deployments().pods(key)[0]["state"] == "FAILED"
    kept.reset()
    assert kept.deployments().select({}) == []
