"""SIGSTOP between claim and send until the reconciler has sent the job, then SIGCONT: one job.

The emulator accepts a signature for a few seconds instead of 15 minutes, and a job that is not
listed is taken to be absent a few seconds after that.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.kills.scene import Scene, scene, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.kills.preloaded import Child

CLAIMED = 6
"""The step after the plan and its claim are durable; the product has still to look at its clock."""

SENDING = 7
"""The step before the request leaves, inside the transport: the product has no more to say."""

SPEC = "drop/nightly.json"
SIGNATURE_SECONDS = 4
SETTINGS = {
    "RUNTIME_TIMEOUT": "8",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": "7",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # files are dropped before the first record
}


@dataclass(frozen=True)
class Frozen:
    """A delivery that was frozen, completed by the reconciler, and resumed.

    Attributes:
        scene: Where.
        child: What the frozen process printed in the end.
        created: How many jobs there were, and whether the log knew, while it was frozen.
        before: How many requests the cloud had seen before it went on.
    """

    scene: Scene
    child: Child
    created: tuple[int, str]
    before: int


def freeze(opened: Scene, step: int) -> Frozen:
    """Freeze a delivery at a step, let the reconciler complete it, resume the process."""
    process = opened.start([opened.drop(SPEC, spec("nightly"))], f"stop:{step}")
    try:
        process.wait_until_stopped()
        opened.tick_until_quiet(pause=0.5)
        created = len(opened.jobs()), opened.planned()[0].state
        before = len(opened.emulator.state.requests)
    finally:
        process.signal(signal.SIGCONT)
        child = process.ended()
    return Frozen(opened, child, created, before)


@pytest.fixture(scope="module")
def frozen(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Frozen]]:
    """Both freezes, side by side."""
    folder = tmp_path_factory.mktemp("freezes")
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        running = {}
        for step in (CLAIMED, SENDING):
            opened = scene(quick_address(), folder, SETTINGS, signature=SIGNATURE_SECONDS)
            running[step] = threads.submit(freeze, stack.enter_context(opened), step)
        yield {step: future.result() for step, future in running.items()}


@pytest.mark.parametrize("step", [CLAIMED, SENDING], ids=["claimed", "sending"])
def test_a_frozen_sender_creates_nothing_after_it_resumes(
    frozen: dict[int, Frozen], step: int
) -> None:
    """The reconciler created the job; the late sender creates none and changes no state."""
    one = frozen[step]
    assert one.created == (1, "created")
    assert one.child.status == 0
    [job] = one.scene.jobs()
    [planned] = one.scene.planned()
    assert (planned.state, planned.job_id) == ("created", job.job_id)
    records = one.scene.records()
    assert one.child.durable <= records.keys()
    actions = [fields["action"] for fields in records.values()]
    assert (actions.count("job.absent"), actions.count("job.created")) == (1, 1)


def test_a_sender_that_slept_past_its_deadline_sends_nothing(frozen: dict[int, Frozen]) -> None:
    """It reads the clock after the claim and notices by itself."""
    one = frozen[CLAIMED]
    assert "before POST" not in one.child.all("step")
    assert late_creations(one) == []


def test_a_request_that_left_too_late_is_refused_by_its_date(frozen: dict[int, Frozen]) -> None:
    """No check of the product can prevent it from leaving; the gateway refuses it."""
    one = frozen[SENDING]
    assert "after POST" in one.child.all("step")
    assert late_creations(one) == [400]


def late_creations(one: Frozen) -> list[int | None]:
    """Return how the cloud answered what the sender sent after it went on."""
    later = list(one.scene.emulator.state.requests)[one.before :]
    return [seen.status for seen in later if seen.operation == "CreateBatchJob"]
