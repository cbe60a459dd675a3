"""A rollout that ended long ago leaves the state, and its template the outbox with it."""

from __future__ import annotations

from datetime import timedelta

from handler.audit.retention import forget
from handler.schedule.rollout_settings import RolloutSettings
from tests.faults.simulation.rollout_violations import differing
from tests.support.rollout_log import RolloutLog, named


def test_a_rollout_that_ends_after_a_long_wait_is_known_as_long_as_any_other() -> None:
    """It counts from its end: its delivery was planned long before."""
    one = RolloutLog()
    one.plan(named(4), RolloutSettings(waves=("50%", "100%"), approve_before=(2,)))
    one.run(rounds=9)
    one.now += timedelta(days=100)
    one.operate("stop")
    one.now += timedelta(minutes=5)
    forget(one.log, timedelta(days=90))
    assert one.rollout().state == "stopped"
    one.now += timedelta(days=91)
    forget(one.log, timedelta(days=90))
    assert one.log.read(lambda view: view.rollouts.get(one.keys[-1])) is None


def test_verification_expects_no_template_of_a_rollout_that_is_forgotten() -> None:
    """It was kept until then, since one of its nodes failed and might have been tried again."""
    one = RolloutLog()
    key = one.plan(named(4), RolloutSettings(max_targets_per_job=2))
    one.run({"id-00001"})
    assert key in one.log.bodies([key])
    one.now += timedelta(days=100)
    forget(one.log, timedelta(days=90))
    assert one.actions()[-1] == "state.forgotten"
    assert key not in one.log.bodies([key])
    assert list(differing(one.log)) == []
