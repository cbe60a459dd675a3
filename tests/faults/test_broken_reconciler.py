"""A reconciler that leaves out one of its steps: the simulation finds each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.reconciler import StepResult
from tests.faults.simulation.run import simulate

if TYPE_CHECKING:
    from collections.abc import Generator

    from handler.audit.job_state import JobState
    from handler.audit.state import DeliveryState

RECONCILER = "handler.reconciler"
MOST_SEEDS = 60


def nothing(*_: object) -> tuple[()]:
    """Do nothing, whatever is asked for."""
    return ()


def none_settled(*_: object) -> tuple[tuple[()], list[str]]:
    """Settle no job."""
    return (), []


def no_step(*_: object) -> StepResult:
    """Leave a step out."""
    return StepResult()


def no_effect(*_: object) -> Generator[None, None, None]:
    """Ask for no effect, and return nothing."""
    yield from ()


def unasked(job: JobState, *_: object) -> Generator[None, None, JobState]:
    """Ask for no effect, and return the job as it is."""
    yield from ()
    return job


def unwritten(run: DeliveryState, *_: object) -> DeliveryState:
    """Write no file, and return the run as it is."""
    return run


@pytest.mark.parametrize(
    ("place", "broken", "violation", "first"),
    [
        (f"{RECONCILER}._settle", none_settled, "is still unknown", 0),
        (f"{RECONCILER}.submit_all", nothing, "is still absent", 0),
        (f"{RECONCILER}.operation_settlement", no_effect, "still has a claim", 3),
        (f"{RECONCILER}.following", unasked, "is still followed", 3),
        (f"{RECONCILER}._undecided", nothing, "received and never decided", 0),
        (f"{RECONCILER}._scan_bucket", no_step, "was never looked at", 0),
        ("handler.deliveries.approval.expire", nothing, "still awaits an approval", 0),
        (f"{RECONCILER}._reported", unwritten, "the result file of", 0),
    ],
    ids=["settle", "submit", "operations", "follow", "deliver", "scan", "expire", "report"],
)
def test_a_reconciler_that_leaves_a_step_out_is_found(
    place: str, broken: object, violation: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are the product's own: none is done by the simulation in its place.

    The first seed that finds it is known; if a change moves it, the search goes on.
    """
    monkeypatch.setattr(place, broken)
    endings = map(simulate, range(first, first + MOST_SEEDS))
    assert any(violation in one for ending in endings for one in ending.violations)


def test_a_reconciler_that_goes_on_with_no_rollout_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events and people go on with a rollout as well, but not to its end."""
    monkeypatch.setattr(f"{RECONCILER}._rolled_out", no_step)
    endings = (simulate(seed, rollouts=True) for seed in range(MOST_SEEDS))
    found = (one for ending in endings for one in ending.violations)
    assert any("and nobody goes on with it" in one for one in found)
