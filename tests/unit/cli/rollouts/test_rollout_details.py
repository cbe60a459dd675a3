"""One rollout in detail: bars of its waves, its gate, where each wave stands."""

from __future__ import annotations

import pytest

from handler.audit.rollouts.state import NodeCounts
from handler.cli.rollouts.rollout_details import bar, details_of, headline
from handler.rollouts.advance import JobTimes
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named

PACE = JobTimes(0.0, 300)


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [
        (NodeCounts(pending=7), "░" * 30),
        (NodeCounts(succeeded=5, pending=5), "█" * 15 + "░" * 15),
        (NodeCounts(succeeded=9_999, failed=1), "█" * 29 + "✗"),
        (NodeCounts(1, 1, 9_996, 1, 1), "█" * 26 + "✗▒-░"),
    ],
)
def test_a_bar_shows_every_state_that_a_node_is_in(counts: NodeCounts, drawn: str) -> None:
    """One node of ten thousand that failed is seen."""
    assert bar(counts, sum(counts)).plain == drawn


def rollout(**settings: object) -> RolloutLog:
    """Return a log with a rollout of ten nodes in three waves."""
    one = RolloutLog()
    waves = {"waves": ("1", "50%", "100%"), "max_targets_per_job": 4}
    one.plan(named(10), RolloutSettings(**{**waves, **settings}))  # type: ignore[arg-type]
    return one


def test_each_wave_says_where_it_stands() -> None:
    """And the headline what the rollout waits for."""
    one = rollout(approve_before=(2,))
    one.run()
    details = one.log.read(lambda view: details_of(view, one.keys[0], PACE))
    assert [details.state_of(wave) for wave in details.waves] == ["finished", "next", "not started"]
    name = one.rollout().name
    assert headline(details).plain == (
        f"{name}  running, wave 1 of 3, 1 of 10 (10%) nodes, waits for approval"
    )


def test_a_wave_of_a_paused_rollout_is_paused() -> None:
    """The gate says how many failed, and how many may."""
    one = rollout(max_failed="1")
    one.run(failing=["id-00002", "id-00003"])
    details = one.log.read(lambda view: details_of(view, one.keys[0], PACE))
    assert details.state_of(details.waves[1]) == "paused"
    assert details.gate == "2 of 5 failed; more than 1 pauses it"
    one.operate("resume")
    resumed = one.log.read(lambda view: details_of(view, one.keys[0], PACE))
    assert resumed.gate == "0 of 0 failed since it was resumed; more than 1 pauses it"


def test_json_has_what_the_screen_shows() -> None:
    """Waves, gate, reasons."""
    one = rollout()
    one.run(failing=["id-00002"])
    said = one.log.read(lambda view: details_of(view, one.keys[0], PACE)).to_json()
    assert [wave["succeeded"] for wave in said["progress"]] == [1, 3, 5]
    assert said["failures"] == [{"reason": "no space", "nodes": 1, "names": ("gw-00002",)}]
    assert said["gate"] == {"failed": 1, "finished": 10}
