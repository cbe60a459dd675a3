"""SIGKILL at every step of a reconciler run that settles a lost answer; the next completes it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.kills.scene import (
    SETTLED_SOON,
    TICK,
    Killed,
    Scene,
    killed_side_by_side,
    scene,
    spec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.values.canonical_json import Json

OPERATIONS = ("GET", "GET", "commit", "commit", "GET", "commit", "GET", "commit", "PUT", "commit")
"""Listed on two pages, marks checked, settled, shown, finished; scanned; its report started on
record, written, recorded."""

STEPS = tuple(f"{when} {what}" for what in OPERATIONS for when in ("before", "after"))
SPEC = "drop/nightly.json"
LOST: dict[str, Json] = {"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}


def lost_answer(opened: Scene) -> None:
    """Deliver a job whose answer is lost."""
    opened.emulator.faults.set([LOST])
    assert opened.run([opened.drop(SPEC, spec("nightly"))]).status == 0
    assert [job.state for job in opened.planned()] == ["unknown"]


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Killed]]:
    """A reconciler run killed at every step, side by side."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, step: int) -> Killed:
        lost_answer(opened)
        return Killed(opened, opened.run([TICK], f"kill:{step}"))

    with killed_side_by_side(
        range(1, len(STEPS) + 1), lambda: scene(quick_address(), folder, SETTLED_SOON), kill
    ) as killed:
        yield killed


def test_a_settling_reconciler_run_takes_exactly_these_steps(
    quick_address: Callable[[], str], tmp_path: Path
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(quick_address(), tmp_path, SETTLED_SOON) as opened:
        lost_answer(opened)
        assert tuple(opened.run([TICK]).all("step")) == STEPS


@pytest.mark.parametrize(
    "step", range(1, len(STEPS) + 1), ids=lambda step: f"{step:02} {STEPS[step - 1]}"
)
def test_a_killed_reconciler_run_is_completed_by_the_next(
    kills: dict[int, Killed], step: int
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
