"""The circuit breaker, against an emulated fleet that fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator
    from tests.conftest import Drop, Environ, Fire, Reply

TICK = {"action": "reconcile"}


@pytest.fixture
def upload(drop: Drop, fire: Fire) -> Callable[[str, str], Reply]:
    """Drop an upgrade of a node."""

    def fired(name: str, node: str) -> Reply:
        job = {"kind": "node_upgrade", "name": name, "targets": {"nodes": [{"id": node}]}}
        return fire(drop(f"drop/{name}.yaml", json.dumps(job).encode()))

    return fired


@pytest.fixture
def failing(emulator: Emulator, environ: Environ) -> None:
    """A fleet on which every job is over at once, and jobs of node-1 fail."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0)
    emulator.state.failing_targets.add("node-1")
    environ |= {"NIGHTDROP_BREAKER": "0.5", "NIGHTDROP_BREAKER_JOBS": "3"}


@pytest.mark.usefixtures("failing")
def test_a_fleet_that_fails_gets_no_more_jobs_until_an_operator_releases(
    emulator: Emulator,
    environ: Environ,
    fire: Fire,
    upload: Callable[[str, str], Reply],
    lines: list[str],
) -> None:
    """The reconciler learns of the failures, holds, and calls for a person; a release resumes."""
    for name in ("a", "b", "c"):
        assert upload(name, "node-1")["outcome"] == "submitted"
    fire(TICK)
    (called,) = (one for one in map(json.loads, lines) if one.get("of") == "sending.held")
    assert called["action"] == "attention.needed"
    assert called["note"].startswith("circuit breaker: 3 of 3 jobs")
    created = len(emulator.state.all_jobs())
    waiting = [upload("d", "node-2"), upload("e", "node-2"), fire(TICK)]
    assert all("sending is held: circuit breaker" in str(reply) for reply in waiting[:2])
    assert [reply["outcome"] for reply in waiting] == ["deferred"] * 3
    assert len(emulator.state.all_jobs()) == created
    released = CliRunner().invoke(main, ["release", "--audit", environ["NIGHTDROP_AUDIT"]])
    assert released.output.startswith("Hold released (it was: circuit breaker: 3 of 3 jobs")
    resumed = fire(TICK)
    assert {job["state"] for job in resumed["jobs"]} <= {"created", "succeeded"}
    assert len(emulator.state.all_jobs()) == created + 2
    assert upload("f", "node-1")["outcome"] == "submitted"
    fire(TICK)  # one of three: the failures before the release do not count
    assert upload("g", "node-2")["outcome"] == "submitted"
