"""SIGKILL at every step of a delivery, then a redelivery, or ticks alone: always one job.

With a redelivery the platform's retries are on; ticks alone are what is left without them.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.scene import Scene, scene, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.preloaded import Child

OPERATIONS = ("commit", "GET", "commit", "commit", "POST", "commit", "commit", "PUT", "commit")
"""A dropped file's way: received, read, planned, claimed, sent, recorded; its report begun on
record, written, recorded."""

STEPS = tuple(f"{when} {what}" for what in OPERATIONS for when in ("before", "after"))
SPEC = "drop/nightly.json"
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
        again: The process it was delivered to anew, if it was.
    """

    scene: Scene
    child: Child
    again: Child | None


@pytest.fixture(scope="module")
def kills(
    new_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[int, str], Killed]]:
    """Every kill, made ahead and side by side, so that the leases run out together."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, step: int, way: str) -> Killed:
        event = opened.drop(SPEC, spec("nightly"))
        child = opened.run([event], f"kill:{step}")
        return Killed(opened, child, opened.run([event]) if way == "redelivered" else None)

    with ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        running = {}
        for step in range(1, len(STEPS) + 1):
            for way in ("redelivered", "ticked"):
                opened = stack.enter_context(scene(new_address(), folder, SETTINGS))
                running[step, way] = threads.submit(kill, opened, step, way)
        yield {place: future.result() for place, future in running.items()}


def test_a_delivery_takes_exactly_these_steps(
    new_address: Callable[[], str], tmp_path: Path
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(new_address(), tmp_path, SETTINGS) as opened:
        child = opened.run([opened.drop(SPEC, spec("nightly"))])
        assert (child.status, tuple(child.all("step"))) == (0, STEPS)
        assert opened.records().keys() == child.durable


@pytest.mark.parametrize("way", ["redelivered", "ticked"])
@pytest.mark.parametrize(
    "step", range(1, len(STEPS) + 1), ids=lambda step: f"{step:02} {STEPS[step - 1]}"
)
def test_a_killed_delivery_ends_in_one_job(
    kills: dict[tuple[int, str], Killed], step: int, way: str
) -> None:
    """One job at the cloud, known by its id, reported, in a whole chain without a lost record."""
    killed = kills[step, way]
    opened = killed.scene
    assert killed.child.status == -signal.SIGKILL
    assert tuple(killed.child.all("step")) == STEPS[:step]
    assert killed.again is None or killed.again.status == 0
    opened.tick_until_quiet()
    [job] = opened.jobs()
    [planned] = opened.planned()
    assert planned.state in {"created", "adopted"}
    assert (planned.job_id, planned.finished) == (job.job_id, "Successful")
    assert killed.child.durable <= opened.records().keys()
    [reported] = opened.result(SPEC)["jobs"]
    assert reported["job_id"] == job.job_id
