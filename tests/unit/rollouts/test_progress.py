"""How far each wave of a rollout is, and why nodes failed or were skipped."""

from __future__ import annotations

from handler.audit.rollouts.state import NodeCounts
from handler.rollouts.progress import NodeReason, node_reasons, wave_progress
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named

SETTINGS = RolloutSettings(waves=("2", "100%"), max_targets_per_job=2)
OFFLINE = ("offline", named(3, 50))


def counts_of_waves(one: RolloutLog) -> list[NodeCounts]:
    """Return how many nodes of each wave are in which state."""
    rollout = one.rollout()
    return [wave.counts for wave in one.log.read(lambda view: [*wave_progress(view, rollout)])]


def test_each_wave_counts_its_own_nodes() -> None:
    """The first runs, the second was not started."""
    one = RolloutLog()
    one.plan(named(8), SETTINGS, (OFFLINE,))
    one.advance()
    assert counts_of_waves(one) == [NodeCounts(running=2), NodeCounts(pending=6)]


def test_nodes_that_succeeded_are_counted_after_the_end_too() -> None:
    """Their rows are gone by then."""
    one = RolloutLog()
    one.plan(named(8), SETTINGS)
    one.run(failing=["id-00002", "id-00005"])
    assert one.rollout().state == "finished"
    assert counts_of_waves(one) == [
        NodeCounts(succeeded=1, failed=1),
        NodeCounts(succeeded=5, failed=1),
    ]


def test_reasons_are_counted_and_name_their_first_nodes() -> None:
    """In the order of their turns; skipped ones have the reason of their selection."""
    one = RolloutLog()
    key = one.plan(named(8), SETTINGS, (OFFLINE,))
    one.run(failing=["id-00002", "id-00005"])
    failed, skipped = one.log.read(
        lambda view: (
            [*node_reasons(view, key, "failed", most=9, named=1)],
            [*node_reasons(view, key, "skipped", most=9, named=9)],
        )
    )
    assert failed == [NodeReason("no space", 2, ("gw-00002",))]
    assert skipped == [NodeReason("offline", 3, ("gw-00050", "gw-00051", "gw-00052"))]
