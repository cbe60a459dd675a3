"""How rollouts stand, and what that makes of a delivery's result."""

from __future__ import annotations

from handler.rollouts.advance import JobTimes, rollout_standing
from handler.rollouts.standing import Standing, with_rollouts
from handler.runtime.response import Result
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named

RESULT = Result("d", "submitted")


def standing(one: RolloutLog) -> Standing:
    """Return how a log's rollout stands."""
    return one.log.read(lambda view: rollout_standing(view, one.rollout(), JobTimes(60, 300)))


def planned() -> RolloutLog:
    """Return a log with a rollout of four nodes, which awaits the approval of its second wave."""
    one = RolloutLog()
    one.plan(named(4), RolloutSettings(waves=("2", "100%"), approve_before=(2,)))
    return one


def test_a_rollout_that_goes_on_leaves_the_outcome_as_it_is() -> None:
    """Also with nodes that failed: the gate decides."""
    one = planned()
    one.run({"id-00001"})
    result = with_rollouts(RESULT, [standing(one)])
    assert (result.outcome, result.errors) == ("submitted", ())
    (shown,) = result.rollouts
    assert (shown["state"], shown["jobs"], shown["waits"]["for"]) == ("running", 1, "approval")  # type: ignore[index,call-overload]


def test_a_rollout_that_ended_with_failures_is_an_error_of_its_delivery() -> None:
    """One sentence, not one for each of its jobs."""
    one = planned()
    one.run({"id-00001"})
    one.operate("approve")
    one.run({"id-00003"})
    result = with_rollouts(RESULT, [standing(one)])
    name = one.rollout().name
    assert result.outcome == "partial"
    assert result.errors == (f"rollout {name} finished: 2 of 4 nodes failed",)


def test_a_stopped_rollout_is_an_error_of_its_delivery() -> None:
    """With the reason that was given."""
    one = planned()
    one.operate("stop")
    result = with_rollouts(RESULT, [standing(one)])
    assert result.errors == (f"rollout {one.rollout().name} was stopped: a test",)


def test_a_worse_outcome_stays() -> None:
    """What was rejected is not made better."""
    one = planned()
    one.operate("stop")
    assert with_rollouts(Result("d", "rejected"), [standing(one)]).outcome == "rejected"
