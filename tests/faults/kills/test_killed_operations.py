"""SIGKILL at every step of an operation on a job: it is done once, or on record as not done.

The job stands where the operation is possible. What the API did is read from the emulator, and
compared with what the log says after the reconciler has settled it.
"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handler.jobs.operations import OPERATIONS
from tests.faults.kills.preloaded import LONGEST_SECONDS
from tests.faults.kills.scene import Killed, Scene, killed_side_by_side, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


NODE = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
SPEC = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": [NODE]}}
METHODS = {"pause": "POST", "resume": "POST", "retry": "POST", "delete": "DELETE"}
SETTINGS = {
    "RUNTIME_TIMEOUT": "5",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": "1",
}
"""A killed sender's lease ends with its 5 seconds; what it sent has landed long before."""

JOB_SECONDS = 1000.0
"""A job runs 250 seconds after it was created; a task takes 450 at least, and a pause 250."""


def steps(name: str) -> tuple[str, ...]:
    """Return the steps of an operation: looked at, claimed, sent, recorded."""
    calls = ("commit", "commit", METHODS[name], "commit")
    return tuple(f"{when} {what}" for what in calls for when in ("before", "after"))


PLACES = [(name, step) for name in METHODS for step in range(1, len(steps(name)) + 1)]


def prepare(opened: Scene, name: str) -> str:
    """Bring a job to where an operation is possible, and return its name."""
    state = opened.emulator.state
    state.simulation = replace(state.simulation, job_seconds=JOB_SECONDS)
    if name == "retry":
        state.failing_targets.add(NODE)
    [job] = opened.fire(SPEC)["jobs"]
    age(opened, 900 if name == "retry" else 300)
    if name == "resume":
        assert opened.fire({"action": "job.pause", "job": "hall"})["outcome"] == "completed"
        age(opened, 251)
    if name == "retry":
        assert opened.tick()["jobs"][0]["state"] == "failed"
    return str(job["job_name"])


def age(opened: Scene, seconds: float) -> None:
    """Let the job be older."""
    jobs = opened.emulator.state.jobs
    for job_id, job in jobs.items():
        runs = tuple(replace(run, started=run.started - seconds) for run in job.runs)
        jobs[job_id] = replace(job, runs=runs)


def executed(opened: Scene, name: str) -> bool:
    """Return whether the API has executed an operation."""
    jobs = opened.jobs()
    if name == "delete":
        return not jobs
    [job] = jobs
    return job.runs[-1].paused is not None if name == "pause" else len(job.runs) == 2


def settle(opened: Scene) -> None:
    """Run the reconciler until no operation is open."""
    until = time.monotonic() + LONGEST_SECONDS
    while opened.left().operations:
        assert time.monotonic() < until
        opened.tick()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, int], Killed]]:
    """Every kill, made ahead and side by side, so that the leases run out together."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, place: tuple[str, int]) -> Killed:
        name, step = place
        event = {"action": f"job.{name}", "job": prepare(opened, name), "reason": "a test"}
        return Killed(opened, opened.run([event], f"kill:{step}"))

    with killed_side_by_side(
        PLACES, lambda: scene(quick_address(), folder, SETTINGS), kill
    ) as killed:
        yield killed


@pytest.mark.parametrize("name", METHODS)
def test_an_operation_takes_exactly_these_steps(
    quick_address: Callable[[], str], tmp_path: Path, name: str
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(quick_address(), tmp_path, SETTINGS) as opened:
        event = {"action": f"job.{name}", "job": prepare(opened, name)}
        child = opened.run([event])
        assert (child.status, tuple(child.all("step"))) == (0, steps(name))
        assert child.all("reply")[0]["outcome"] == "completed"
        assert executed(opened, name)


@pytest.mark.parametrize(
    ("name", "step"),
    PLACES,
    ids=[f"{name} {step} {steps(name)[step - 1]}" for name, step in PLACES],
)
def test_a_killed_operation_is_done_once_or_on_record_as_not_done(
    kills: dict[tuple[str, int], Killed], name: str, step: int
) -> None:
    """One claim has one outcome, and the outcome is what the API did."""
    killed, operation = kills[name, step], OPERATIONS[name]
    opened = killed.scene
    assert killed.child.status == -signal.SIGKILL
    settle(opened)
    records = opened.records()
    assert killed.child.durable <= records.keys()
    actions = [fields["action"] for fields in records.values()]
    claims = actions.count(operation.claimed)
    assert claims == (step > 3)
    done, unchanged = actions.count(operation.done), actions.count("job.unchanged")
    assert done + unchanged == claims
    assert executed(opened, name) is bool(done)
    assert executed(opened, name) or step < 6
