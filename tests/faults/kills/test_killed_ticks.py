"""SIGKILL at every step of a reconciler run that settles a lost answer; the next completes it."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.faults.kills.scene import TICK, Scene, scene, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.values.canonical_json import Json
    from tests.faults.kills.preloaded import Child

OPERATIONS = ("GET", "GET", "GET", "commit", "commit", "GET", "commit", "commit", "PUT", "commit")
"""Scanned, listed on two pages, marks checked, settled, shown, finished; its report started on
record, written, recorded."""

STEPS = tuple(f"{when} {what}" for what in OPERATIONS for when in ("before", "after"))
SPEC = "drop/nightly.json"
LOST: dict[str, Json] = {"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}
SETTINGS = {
    "RUNTIME_TIMEOUT": "30",
    "NIGHTDROP_REQUEST_TIMEOUT": "5",
    "NIGHTDROP_SETTLE_AFTER": "1",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # files are dropped before the first record
}
"""A killed writer's result file is taken over after the second in which it could still come."""


def lost_answer(opened: Scene) -> None:
    """Deliver a job whose answer is lost."""
    opened.emulator.faults.set([LOST])
    assert opened.run([opened.drop(SPEC, spec("nightly"))]).status == 0
    assert [job.state for job in opened.planned()] == ["unknown"]


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, tuple[Scene, Child]]]:
    """A reconciler run killed at every step, side by side."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, step: int) -> tuple[Scene, Child]:
        lost_answer(opened)
        return opened, opened.run([TICK], f"kill:{step}")

    with ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        running = {}
        for step in range(1, len(STEPS) + 1):
            opened = stack.enter_context(scene(quick_address(), folder, SETTINGS))
            running[step] = threads.submit(kill, opened, step)
        yield {step: future.result() for step, future in running.items()}


def test_a_settling_reconciler_run_takes_exactly_these_steps(
    quick_address: Callable[[], str], tmp_path: Path
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(quick_address(), tmp_path, SETTINGS) as opened:
        lost_answer(opened)
        assert tuple(opened.run([TICK]).all("step")) == STEPS


@pytest.mark.parametrize(
    "step", range(1, len(STEPS) + 1), ids=lambda step: f"{step:02} {STEPS[step - 1]}"
)
def test_a_killed_reconciler_run_is_completed_by_the_next(
    kills: dict[int, tuple[Scene, Child]], step: int
) -> None:
    """The job whose answer was lost is adopted once, finished and reported."""
    opened, child = kills[step]
    assert child.status == -signal.SIGKILL
    opened.tick_until_quiet()
    [job] = opened.jobs()
    [planned] = opened.planned()
    assert (planned.state, planned.job_id, planned.finished) == (
        "adopted",
        job.job_id,
        "Successful",
    )
    records = opened.records()
    assert child.durable <= records.keys()
    assert sum(fields["action"] == "job.adopted" for fields in records.values()) == 1
    assert opened.result(SPEC)["jobs"][0]["finished"] == "Successful"
