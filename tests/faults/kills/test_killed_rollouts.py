"""SIGKILL at every step of a run that carries a rollout on; later runs complete it.

One run plans the rollout, one finishes a wave and sends the jobs of the next, one finds that too
many nodes failed.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.kills.preloaded import LONGEST_SECONDS
from tests.faults.kills.scene import TICK, Killed, Scene, killed_side_by_side, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.rollouts.state import RolloutState

NODES = [f"5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d1{one}" for one in range(3)]
SPEC: dict[str, Any] = {
    "kind": "node_upgrade",
    "name": "three",
    "targets": {"nodes": NODES},
    "rollout": {"waves": [1, "100%"], "max_targets_per_job": 1, "max_failed": 0, "min_finished": 1},
}
SETTINGS = {
    "RUNTIME_TIMEOUT": "5",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": "1",
    "NIGHTDROP_SENDERS": "1",
    "NIGHTDROP_BUCKETS": "",
    "NIGHTDROP_RESULTS": "",
}
"""A killed sender's lease ends with its 5 seconds."""

SEND = ("commit", "POST", "commit")
CALLS = {
    "planned": ("commit", "commit", *SEND),
    "next wave": ("GET", "commit", "commit", *SEND, *SEND),
    "gate": ("GET", "commit", "GET", "commit", "commit"),
}
"""What a run does: plan and first wave; job shown, finished, next wave and its jobs; job shown,
finished, shown again since it may succeed late, the breach."""


def steps(name: str) -> tuple[str, ...]:
    """Return the steps of a run."""
    return tuple(f"{when} {what}" for what in CALLS[name] for when in ("before", "after"))


PLACES = [(name, step) for name in CALLS for step in range(1, len(steps(name)) + 1)]


def event(opened: Scene, name: str) -> dict[str, Any]:
    """Bring a rollout to where a run does what is meant; return the event of that run."""
    if name == "planned":
        return SPEC
    if name == "gate":
        opened.emulator.state.failing_targets.update(NODES)
    opened.fire(SPEC)
    opened.emulator.state.failing_targets.clear()
    return dict(TICK)


def rollout(opened: Scene) -> RolloutState:
    """Return the rollout."""
    return opened.read(lambda view: view.rollouts.latest(9))[0]


def settle(opened: Scene, *, resume: bool) -> None:
    """Run the reconciler until the rollout has finished, and resume it once if it is paused."""
    until = time.monotonic() + LONGEST_SECONDS
    while rollout(opened).state != "finished":
        assert time.monotonic() < until
        if resume and rollout(opened).state == "paused":
            opened.fire({"action": "rollout.resume", "rollout": "three"})
        opened.tick()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, int], Killed]]:
    """Every kill, made ahead and side by side, so that the leases run out together."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, place: tuple[str, int]) -> Killed:
        name, step = place
        return Killed(opened, opened.run([event(opened, name)], f"kill:{step}"))

    with killed_side_by_side(
        PLACES, lambda: scene(quick_address(), folder, SETTINGS), kill
    ) as killed:
        yield killed


@pytest.mark.parametrize("name", CALLS)
def test_a_run_that_carries_a_rollout_on_takes_exactly_these_steps(
    quick_address: Callable[[], str], tmp_path: Path, name: str
) -> None:
    """If it takes others, the kills below miss some."""
    with scene(quick_address(), tmp_path, SETTINGS) as opened:
        assert tuple(opened.run([event(opened, name)]).all("step")) == steps(name)


@pytest.mark.parametrize(
    ("name", "step"),
    PLACES,
    ids=[f"{name} {step} {steps(name)[step - 1]}" for name, step in PLACES],
)
def test_a_killed_run_of_a_rollout_is_completed_by_the_next_ones(
    kills: dict[tuple[str, int], Killed], name: str, step: int
) -> None:
    """Each node is in one job, and a breach waits for a person once."""
    killed = kills[name, step]
    opened = killed.scene
    assert killed.child.status == -signal.SIGKILL
    if (name, step) == ("planned", 1):
        opened.fire(SPEC)  # nothing was promised, so the event comes again
    settle(opened, resume=name == "gate")
    records = opened.records()
    assert killed.child.durable <= records.keys()
    actions = Counter(fields["action"] for fields in records.values())
    assert actions["rollout.breached"] == (name == "gate")
    assert actions["wave.started"] == actions["wave.finished"] == 2
    targets = [target["target_id"] for job in opened.jobs() for target in job.targets]
    assert sorted(map(str, targets)) == NODES
