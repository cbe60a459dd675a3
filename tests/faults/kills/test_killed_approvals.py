"""SIGKILL at every step of a spec that must be approved, with its policy as it was or replaced.

A process gets the spec's event, that of its approval, and a reconciler run. After the kill both
events are delivered again. What was planned before the kill is sent; what was not is judged by the
policy of then.
"""

from __future__ import annotations

import hashlib
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handler.values.canonical_json import sha256_hex
from tests.faults.kills.scene import TICK, Scene, killed_side_by_side, scene, spec
from tests.support.depth import sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.faults.kills.preloaded import Child

SPEC = "drop/app.json"
BOUND = b"rules: [{approval: required, approver: {account: reviewer}}]"
CLOSED = b"rules: [{kinds: []}]"
OPERATIONS = (
    *("commit", "GET", "commit", "commit", "PUT", "commit"),
    *("commit", "GET", "commit"),
    *(
        "GET",
        "commit",
        "GET",
        "commit",
        "commit",
        "POST",
        "commit",
        "commit",
        "PUT",
        "commit",
    ),
)
"""The spec is received, read, awaits approval and is reported; the approval is received, read, and
recorded; the reconciler scans, starts the spec over, reads it, plans, claims, sends, records,
reports."""

STEPS = tuple(f"{when} {what}" for what in OPERATIONS for when in ("before", "after"))
PLACES = sampled(
    [
        *((step, CLOSED) for step in range(1, len(STEPS) + 1)),
        *((step, BOUND) for step in range(1, len(STEPS) + 1, 4)),
    ]
)
"""Where it is killed, and the policy after that; with `DEEP=1` at every step."""

SETTINGS = {
    "RUNTIME_TIMEOUT": "5",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": "1",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Killed:
    """A delivery that was killed at one step, and delivered again.

    Attributes:
        scene: Where.
        child: The process it was killed in.
        planned: Whether its plan was durable before the policy was replaced.
    """

    scene: Scene
    child: Child
    planned: bool


def uploaded(opened: Scene, name: str, data: bytes, account: str) -> dict[str, Any]:
    """Put a file into the bucket as some account; return its event."""
    event = opened.drop(name, data)
    entry = event["Records"][0]
    entry["userIdentity"] = {"ID": account}
    entry["obs"]["object"]["eTag"] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return event


def events_of(opened: Scene) -> list[object]:
    """Return the events of a spec and of its approval."""
    data = spec("app")
    digest = sha256_hex(data).encode()
    return [
        uploaded(opened, SPEC, data, "author"),
        uploaded(opened, f"{SPEC}.approve", digest, "reviewer"),
    ]


def guarded(address: str, folder: Path) -> AbstractContextManager[Scene]:
    """Open a scene whose specs must be approved, by a policy of its own."""
    policy = folder / f"{sha256_hex(address)[:16]}.yaml"
    policy.write_bytes(BOUND)
    return scene(address, folder, {**SETTINGS, "NIGHTDROP_POLICY": str(policy)})


@pytest.fixture(scope="module")
def kills(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[int, bytes], Killed]]:
    """Every kill, made ahead and side by side."""
    folder = tmp_path_factory.mktemp("kills")

    def kill(opened: Scene, place: tuple[int, bytes]) -> Killed:
        step, after = place
        events = events_of(opened)
        child = opened.run([*events, TICK], f"kill:{step}")
        planned = bool(opened.planned())
        Path(opened.environ["NIGHTDROP_POLICY"]).write_bytes(after)
        assert opened.run(events).status == 0
        return Killed(opened, child, planned)

    with killed_side_by_side(PLACES, lambda: guarded(quick_address(), folder), kill) as killed:
        yield killed


def test_an_approved_delivery_takes_these_steps(
    quick_address: Callable[[], str], tmp_path: Path
) -> None:
    """If it takes others, the kills below miss some; more follow if the job has ended by then."""
    with guarded(quick_address(), tmp_path) as opened:
        child = opened.run([*events_of(opened), TICK])
        assert (child.status, tuple(child.all("step"))[: len(STEPS)]) == (0, STEPS)


@pytest.mark.parametrize(
    ("step", "after"),
    PLACES,
    ids=[f"{step:02} {STEPS[step - 1]} {after.decode()[9:14]}" for step, after in PLACES],
)
def test_nothing_is_sent_that_was_not_allowed_when_it_was_planned(
    kills: dict[tuple[int, bytes], Killed], step: int, after: bytes
) -> None:
    """One job if its plan stood or may stand, none if it was refused; never one unapproved."""
    killed = kills[step, after]
    opened = killed.scene
    assert killed.child.status == -signal.SIGKILL
    opened.tick_until_quiet()
    records = list(opened.records().values())
    assert killed.child.durable <= opened.records().keys()
    planned = [one for one in records if one["action"] == "delivery.planned"]
    assert len(opened.jobs()) == len(planned) == (after == BOUND or killed.planned)
    for one in planned:
        assert one["delivery"]["policy"] == sha256_hex(BOUND)
        [approved] = (other for other in records if other["action"] == "delivery.approved")
        assert approved["seq"] < one["seq"]
        assert approved["delivery"]["digest"] == one["delivery"]["digest"]
    if not planned:
        assert "delivery.rejected" in [one["action"] for one in records]
