"""What notices say of rollouts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.notices.decisions import claim_notice, claim_summary
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named

if TYPE_CHECKING:
    from handler.notices.text import NoticeText

MINUTE = timedelta(minutes=1)
GATED = RolloutSettings(waves=("2", "100%"), max_targets_per_job=2, max_failed="0")


def claimed(one: RolloutLog) -> NoticeText:
    """Return the text of the notice that is due."""
    notice = one.log.commit(claim_notice(MINUTE)).value
    assert notice
    return notice.text


def is_due(one: RolloutLog) -> bool:
    """Return whether a notice is due."""
    return one.log.commit(claim_notice(MINUTE)).value is not None


def test_a_breach_is_reported_with_counts_reasons_and_the_commands() -> None:
    """Enough to decide at night, on a telephone."""
    one = RolloutLog()
    one.plan(named(6), GATED)
    one.run({"id-00001"})
    text, name = claimed(one), one.rollout().name
    assert f"has a rollout, {name}, which is paused in wave 1 of 2" in text.subject
    assert "- 1 of 2 nodes failed, more than max_failed: 0 allows; `nightdrop" in text.body
    assert "- 1 of 6 nodes succeeded, 1 failed\n- 1 failed: no space\n" in text.body
    assert f"What to do: `nightdrop rollout resume {name}` goes on" in text.body
    assert f"\nLook: nightdrop rollout show {name}\n" in text.body
    assert not is_due(one)


def test_an_approval_that_is_waited_for_is_reported_once() -> None:
    """With the command that gives it."""
    one = RolloutLog()
    one.plan(named(6), RolloutSettings(waves=("2", "100%"), approve_before=(2,)))
    one.run()
    text, name = claimed(one), one.rollout().name
    assert "which awaits approval in wave 1 of 2" in text.subject
    assert f"What to do: `nightdrop rollout approve {name}` lets" in text.body
    one.run()
    assert not is_due(one)


def test_a_stop_by_the_gate_is_reported_and_one_by_a_person_is_not() -> None:
    """Whoever stops it knows."""
    one = RolloutLog()
    one.plan(named(6), RolloutSettings(max_failed="0", on_breach="stop"))
    one.run({"id-00001"})
    assert "which is stopped" in claimed(one).subject
    one.plan(named(6, 20))
    one.operate("stop")
    assert not is_due(one)


def test_an_end_is_reported_if_nodes_failed() -> None:
    """A good end is in the summary."""
    one = RolloutLog()
    one.plan(named(3))
    one.run({"id-00001"})
    text = claimed(one)
    assert "which has finished" in text.subject
    assert f"`nightdrop rollout retry {one.rollout().name}` tries them again" in text.body
    one.plan(named(3, 20))
    one.run()
    assert not is_due(one)


def test_a_refused_job_of_a_rollout_is_the_gates_matter() -> None:
    """So is one that expired, such as those of a rollout that was stopped."""
    one = RolloutLog()
    one.plan(named(3), RolloutSettings(max_targets_per_job=1))
    one.advance()
    one.operate("stop")
    assert "job.expired" in one.actions()
    assert not is_due(one)


def test_the_summary_names_the_rollouts_of_the_night() -> None:
    """Those that are open, and those that changed since the summary before."""
    one = RolloutLog()
    one.plan(named(3), skipped=(("offline", named(1, 90)),))
    one.run()
    old = one.rollout().name
    one.now += timedelta(days=2)
    one.plan(named(6, 20), GATED)
    one.run({"id-00020"})
    notice = one.log.commit(claim_summary(None, MINUTE, MINUTE)).value
    assert notice
    name = one.rollout().name
    listed = f"Rollouts:\n- {name} is paused in wave 1 of 2: 1 of 6 nodes succeeded, 1 failed\n"
    assert listed in notice.text.body
    assert old not in notice.text.body
