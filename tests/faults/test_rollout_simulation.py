"""Rollouts in the simulation: no node twice, none forgotten, and a simulation that can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.rollouts import statements
from handler.audit.sql.sqlite import SqliteLog
from handler.rollouts.continuation import jobs_to_follow
from handler.schedule.window import FOREVER, Period
from tests.faults.simulation.run import simulate
from tests.faults.simulation.simulated_objects import ObjectLogs
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.log import View
    from handler.jobs.operations import OperationRequest
    from handler.rollouts.advance import JobTimes
    from tests.faults.simulation.run import Ending

ADVANCE = "handler.rollouts.advance"
PENDING = f"{statements._PENDING} ORDER BY place LIMIT ?"  # noqa: SLF001 - without a look elsewhere


@pytest.fixture(scope="module")
def endings() -> list[Ending]:
    """The results of some seeds, in which everything occurs that the runs are to test."""
    return [simulate(seed, rollouts=True) for seed in range(71, 71 + examples(120))]


def test_no_run_sends_a_node_twice_or_forgets_one(endings: list[Ending]) -> None:
    """Waves, gates, windows, approvals and other rollouts hold as well, whatever goes wrong."""
    found = {ending.seed: ending.violations for ending in endings if ending.violations}
    assert found == {}


def test_everything_that_a_rollout_waits_for_occurs(endings: list[Ending]) -> None:
    """Otherwise the runs would promise more than they test."""
    struck = {name for ending in endings for name in +ending.struck}
    waits = {f"rollout {word}" for word in (
        "running", "soak", "approval", "window", "busy", "held", "paused", "stopped", "finished",
    )}  # fmt: skip
    ends = {f"at last {word}" for word in ("finished", "stopped", "paused", "approval")}
    done = {f"{name}: done" for name in ("pause", "resume", "approve", "stop", "retry")}
    more = {"pause with its rollout", "resume with its rollout", "deleted on the fleet"}
    assert waits | ends | done | more <= struck


def test_a_rollout_in_a_file_is_the_same_as_one_in_memory(tmp_path: Path) -> None:
    """Results of simulations in memory therefore hold for the real store."""

    class File(SqliteLog):
        def __init__(self, clock: Callable[[], datetime], seed: int) -> None:
            super().__init__(tmp_path / f"{seed}.db", clock=clock)

        def query(self, statement: str) -> list[tuple[object, ...]]:
            """Return the rows of a statement."""
            return self._db.execute(statement).fetchall()

    seeds = range(3)
    in_files = [simulate(seed, open_log=File, rollouts=True) for seed in seeds]
    assert in_files == [simulate(seed, rollouts=True) for seed in seeds]


def test_no_run_on_the_log_in_obs_sends_a_node_twice_or_forgets_one() -> None:
    """Instances that know old ends of it or nothing, over a store that cuts requests off."""
    endings = [simulate(seed, open_log=ObjectLogs, rollouts=True) for seed in range(examples(12))]
    assert {ending.seed: ending.violations for ending in endings if ending.violations} == {}


def _without_resuming(
    view: View, key: str, times: JobTimes
) -> list[tuple[JobState, OperationRequest]]:
    rollout = view.rollouts.get(key)
    return [] if rollout is None or rollout.ended else jobs_to_follow(view, key, times)


@pytest.mark.parametrize(
    ("place", "broken", "violation", "first"),
    [
        ("handler.jobs.gate.withheld", lambda *_: None, "its rollout is stopped", 12),
        (f"{ADVANCE}.gate_note", lambda *_: "", "behind a closed gate", 47),
        (f"{ADVANCE}.start_within", lambda _, ready, __: ready, "outside of the window", 0),
        (f"{ADVANCE}.open_period", lambda _, now: Period(now, FOREVER), "its window is", 23),
        ("handler.audit.rollouts.statements.PENDING_NODES", PENDING, "is in a job of", 4),
        ("handler.audit.rollouts.projection.closes_template", lambda _: True, "the template of", 4),
        (
            "handler.audit.state.DeliveryState.left_nothing",
            property(lambda run: bool(run.jobs)),
            "already",
            7,
        ),
        ("handler.jobs.node_outcomes.ended_nodes", lambda *_: (), "succeeded, and its task is", 1),
        ("handler.rollouts.continuation.jobs_to_follow", _without_resuming, "stay paused", 127),
        ("handler.rollouts.operations.changed_since", lambda *_: "", "time counts twice", 6),
    ],
    ids=[
        *("stop", "gate", "start", "window", "busy", "template", "again", "outcome", "resume"),
        "copy",
    ],
)
def test_the_simulation_finds_what_a_rollout_must_not_do(
    place: str, broken: object, violation: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can fail: without the gate, the window, or a look at other rollouts.

    The first seed that finds it is known; if a change moves it, the search goes on.
    """
    monkeypatch.setattr(place, broken)
    endings = (simulate(seed, rollouts=True) for seed in range(first, first + 200))
    assert any(violation in one for ending in endings for one in ending.violations)
