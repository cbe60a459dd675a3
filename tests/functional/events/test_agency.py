"""The function with an agency: temporary keys that change while it works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.server import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Post = Callable[..., tuple[int, Any]]
    FireIn = Callable[[Environ, object], Reply]

UPGRADE = "kind: node_upgrade\nname: hall-{}\ntargets: {{nodes: [{{id: node-{}}}]}}\n"
RECONCILE = '{"action": "reconcile"}'
ROTATION = 600.0  # seconds of the emulator's clock
CACHE = 0.2  # seconds of the function's
ROUNDS = 6


class OffsetClock:
    """The time, and as many rotations more as have been asked for."""

    def __init__(self) -> None:
        self.rotations = 0

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self.rotations * ROTATION


@pytest.fixture
def leaping() -> OffsetClock:
    """The emulator's clock."""
    return OffsetClock()


@pytest.fixture
def rotating(leaping: OffsetClock) -> Iterator[Emulator]:
    """An emulated cloud whose temporary keys are good for three rotations."""
    patient = ROUNDS * ROTATION + 900
    with Emulator(
        clock=leaping, rotation=ROTATION, signature_seconds=patient, job_seconds=0
    ) as running:
        yield running


@pytest.fixture
def with_agency(rotating: Emulator, tmp_path: Path) -> Environ:
    """The environment of a function that has an agency and no other keys."""
    variables = {
        **rotating.environment(),
        "NIGHTDROP_AUDIT": f"sqlite:///{tmp_path}/audit.db",
        "DESK_AGENCY": rotating.agency_url,
        "DESK_AGENCY_CACHE": str(CACHE),
    }
    return {name: value for name, value in variables.items() if not name.endswith(("_AK", "_SK"))}


def test_rotations_during_reconciler_runs_cause_no_error(
    leaping: OffsetClock,
    rotating: Emulator,
    with_agency: Environ,
    serve: Callable[[Environ], Post],
    tick: Callable[..., Reply],
) -> None:
    """Jobs are created and followed while the keys the process began with expire."""
    post = serve(with_agency)
    outcomes: list[str] = []
    for number in range(ROUNDS):
        spec = UPGRADE.format(number, number)
        outcomes.append(post(tick(spec, f"2026-11-24T0{number}:00:00Z"))[1]["outcome"])
        leaping.rotations += 1
        outcomes.append(post(tick(RECONCILE))[1]["outcome"])
        time.sleep(CACHE)
    assert outcomes[::2] == ["submitted"] * ROUNDS
    assert set(outcomes[1::2]) <= {"submitted", "completed"}
    assert len(rotating.state.jobs) == ROUNDS
    assert {seen.status for seen in rotating.state.requests} == {200, 201}


def test_a_wrong_clock_of_the_context_prevents_nothing(
    rotating: Emulator, with_agency: Environ, fire_in: FireIn, tick: Callable[..., Reply]
) -> None:
    """The context reports that no time is left, and the job is created nevertheless."""
    odd = {**with_agency, "DESK_ODD_CLOCK": "1", "RUNTIME_TIMEOUT": "20"}
    reply = fire_in(odd, tick(UPGRADE.format(1, 1)))
    assert [job["state"] for job in reply["jobs"]] == ["created"]
    assert len(rotating.state.jobs) == 1
