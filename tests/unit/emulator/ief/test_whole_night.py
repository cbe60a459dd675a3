"""A night of a large fleet, in the test's own process and at the time of its clock."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.cloud.ief.fleet import list_nodes
from handler.emulator.ief.fleet_file import DEMO_FLEET, read_fleet
from handler.emulator.ief.job import StatusConflictError
from tests.support.clock import Clock
from tests.support.emulated_ief import EmulatedIef

if TYPE_CHECKING:
    from handler.emulator.ief.fleet import Fleet
    from handler.values.canonical_json import Json

EVENING = datetime(2026, 11, 23, 17, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def large() -> Fleet:
    """The fleet of 10,000 nodes."""
    return read_fleet(DEMO_FLEET.with_name("large_fleet.yaml"), seed=1)


def upgrade(*nodes: str) -> dict[str, Json]:
    """Build the body of a job that upgrades some nodes."""
    content: Json = {"target_type": "node", "targets": [{"target_id": node} for node in nodes]}
    return {"job_name": "nightly", "job_type": "node_upgrade", "job_content": content}


def statuses(shown: dict[str, Any]) -> Counter[str]:
    """Count the statuses of a job's tasks."""
    return Counter(task["status"] for task in shown["tasks"])


def test_every_node_of_a_large_fleet_is_upgraded_in_one_night(large: Fleet) -> None:
    """Jobs of twenty, thirty at once; what failed, failed for its share, and some succeed late."""
    clock = Clock(EVENING)
    ief = EmulatedIef(large, clock, seed=1)
    rest = [str(node["id"]) for node in ief.nodes(state="RUNNING") if node["upgrade_flag"]]
    planned, running, created, at_end = len(rest), list[str](), list[str](), Counter[str]()
    while rest or running:
        while rest and len(running) < 30:
            running.append(ief.create(upgrade(*rest[:20])))
            created.append(running[-1])
            del rest[:20]
        clock.now += timedelta(minutes=2)
        for job_id in list(running):
            shown = ief.show(job_id)
            if shown["status"] not in {"Waiting", "Running"}:
                at_end.update(statuses(shown))
                running.remove(job_id)
    clock.now += timedelta(hours=1)
    later = sum((statuses(ief.show(job_id)) for job_id in created), Counter[str]())
    assert at_end.total() == later.total() == planned > 8000
    assert 0.02 * planned < at_end["Failed"] < 0.05 * planned
    assert later["Successful"] > at_end["Successful"] > 0.9 * planned
    upgraded = [node for node in ief.nodes() if node["upgrade_history"]]
    assert len(upgraded) == later["Successful"]
    assert {node["edged_version"] for node in upgraded} == {"2.56.0"}
    assert not any(node["upgrade_flag"] for node in upgraded)


def test_the_functions_client_works_on_it(large: Fleet) -> None:
    """Signed requests, checked at the clock's time; pages of the list of nodes."""
    clock = Clock(EVENING)
    ief = EmulatedIef(large, clock)
    client = ief.client()
    nodes = list_nodes(client)
    clock.now += timedelta(days=100)
    body = '{"job_name": "a", "job_type": "node_upgrade"}'
    job_id = client.create(client.sign_create(body))
    assert len(nodes) == 10_000
    assert [job["job_id"] for job in ief.jobs()] == [job_id]
    assert client.show_job(job_id).status == "Successful"
    ief.delete(job_id)
    assert client.list_jobs("", limit=10, offset=0) == ()


def test_nodes_come_and_go_with_the_clock(large: Fleet) -> None:
    """One in fifty of the cameras, each in one half of two hours."""
    clock = Clock(EVENING)
    ief = EmulatedIef(large, clock)
    away: list[set[str]] = []
    for _ in range(3):
        away.append({str(node["id"]) for node in ief.nodes(state="UNCONNECTED")})
        clock.now += timedelta(hours=1)
    flapping = away[0] ^ away[1]
    assert away[0] == away[2]
    assert (len(flapping), len(away[0] & away[1])) == (80, 500)


def test_a_job_is_paused_restored_and_retried(large: Fleet) -> None:
    """At the clock's time."""
    clock = Clock(EVENING)
    ief = EmulatedIef(large, clock)
    nodes = [str(node["id"]) for node in ief.nodes(state="RUNNING")[:20]]
    ief.state.failing_targets.add(nodes[0])
    job_id = ief.create(upgrade(*nodes))
    clock.now += timedelta(seconds=40)
    ief.pause(job_id)
    clock.now += timedelta(minutes=1)
    assert ief.show(job_id)["status"] == "Stopped"
    ief.restore(job_id)
    clock.now += timedelta(minutes=10)
    before = statuses(ief.show(job_id))
    assert before["Failed"] >= 1
    ief.state.failing_targets.clear()
    ief.retry(job_id)
    clock.now += timedelta(minutes=50)
    assert statuses(ief.show(job_id))["Successful"] > before["Successful"]
    with pytest.raises(StatusConflictError):
        ief.pause(job_id)
