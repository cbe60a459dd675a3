"""SIGKILL at every step of a delivery, then a redelivery, or the reconciler alone: always one job.

With a redelivery the platform's retries are on; without them only the reconciler remains.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.kills.scene import Scene, killed_side_by_side, scene, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.kills.preloaded import Child

OPERATIONS = {
    "file": ("commit", "GET", "commit", "POST", "commit", "commit", "PUT", "commit"),
    "timer": ("commit", "POST", "commit"),
}
"""A dropped file is received, read, planned and claimed, sent, recorded; its report started on
record, written, recorded. A timer's spec is planned and claimed, sent, recorded."""

STEPS = {
    trigger: tuple(f"{when} {what}" for what in operations for when in ("before", "after"))
    for trigger, operations in OPERATIONS.items()
}
PLACES = [(trigger, step) for trigger, steps in STEPS.items() for step in range(1, len(steps) + 1)]
SPEC = "drop/nightly.json"
TICK = {
    "version": "v1.0",
    "time": "2026-11-23T14:05:31Z",
    "trigger_type": "TIMER",
    "trigger_name": "nightly",
    "user_event": spec("nightly").decode(),
}
SETTINGS = {
    "RUNTIME_TIMEOUT": "5",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": "1",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # a file is dropped before the first record
}
"""A killed sender's lease ends with its 5 seconds; what it sent has landed long before."""


@dataclass(frozen=True)
class Killed:
    """A delivery that was killed at one step.

    Attributes:
        scene: Where.
        child: The process it was killed in.
        again: The process of the second delivery, if there was one.
    """

    scene: Scene
    child: Child
    again: Child | None


@pytest.fixture(scope="module")
def kills(
    new_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, int, str], Killed]]:
    """Every kill, made ahead and side by side, so that the leases run out together."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, place: tuple[str, int, str]) -> Killed:
        trigger, step, way = place
        event = _event(opened, trigger)
        child = opened.run([event], f"kill:{step}")
        return Killed(opened, child, opened.run([event]) if way == "redelivered" else None)

    ways = [(*place, way) for place in PLACES for way in ("redelivered", "ticked")]
    with killed_side_by_side(ways, lambda: scene(new_address(), folder, SETTINGS), kill) as killed:
        yield killed


def _event(opened: Scene, trigger: str) -> dict[str, object]:
    return opened.drop(SPEC, spec("nightly")) if trigger == "file" else {**TICK}


@pytest.mark.parametrize("trigger", STEPS)
def test_a_delivery_takes_exactly_these_steps(
    new_address: Callable[[], str], tmp_path: Path, trigger: str
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(new_address(), tmp_path, SETTINGS) as opened:
        child = opened.run([_event(opened, trigger)])
        assert (child.status, tuple(child.all("step"))) == (0, STEPS[trigger])
        assert opened.records().keys() == child.durable


@pytest.mark.parametrize("way", ["redelivered", "ticked"])
@pytest.mark.parametrize(
    ("trigger", "step"),
    PLACES,
    ids=[f"{trigger} {step:02} {STEPS[trigger][step - 1]}" for trigger, step in PLACES],
)
def test_a_killed_delivery_ends_in_one_job(
    kills: dict[tuple[str, int, str], Killed], trigger: str, step: int, way: str
) -> None:
    """One job at the cloud, known by its id, reported, in a valid chain without a lost record."""
    killed = kills[trigger, step, way]
    opened = killed.scene
    assert killed.child.status == -signal.SIGKILL
    assert tuple(killed.child.all("step")) == STEPS[trigger][:step]
    assert killed.again is None or killed.again.status == 0
    opened.tick_until_quiet()
    if (trigger, step, way) == ("timer", 1, "ticked"):
        # Only the platform knows of a timer event that was not recorded; it was not asked again.
        assert (opened.jobs(), opened.planned()) == ([], [])
        return
    [job] = opened.jobs()
    [planned] = opened.planned()
    assert planned.state in {"created", "adopted"}
    assert (planned.job_id, planned.finished) == (job.job_id, "Successful")
    assert killed.child.durable <= opened.records().keys()
    if trigger == "file":
        [reported] = opened.result(SPEC)["jobs"]
        assert reported["job_id"] == job.job_id
