"""Events that ask for something to be done with one job."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from handler.errors import EventRejectedError
from handler.triggers.delivery import FULL_ACTIONS, Action
from handler.triggers.event_parser import parse_event
from handler.triggers.timer import parse_timer_event

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


JOBS = sorted(name for name in FULL_ACTIONS if name.startswith("job."))
ROLLOUTS = sorted(name for name in FULL_ACTIONS if name.startswith("rollout."))


@pytest.mark.parametrize("name", JOBS)
def test_an_event_names_the_job_and_the_reason(name: str) -> None:
    """Whoever may invoke the function is the actor."""
    event: Json = {"action": name, "job": "nightly-x", "reason": "ticket 4711"}
    action = parse_event(event, eventgrid_keys="encoded")
    assert isinstance(action, Action)
    assert (action.name, action.job, action.reason) == (name, "nightly-x", "ticket 4711")
    assert action.actor == {"kind": "caller"}


@pytest.mark.parametrize("name", ROLLOUTS)
def test_an_event_names_the_rollout_and_the_wave(name: str) -> None:
    """The wave counts for an approval only."""
    event: Json = {"action": name, "rollout": "nightly-x", "wave": 2, "reason": "looks well"}
    action = parse_event(event, eventgrid_keys="encoded")
    assert isinstance(action, Action)
    assert (action.rollout, action.wave, action.reason) == ("nightly-x", 2, "looks well")
    assert action.job == ""


@pytest.mark.parametrize("subject", ["job", "rollout"])
def test_an_event_may_say_when_it_was_asked_for(subject: str) -> None:
    """In any zone."""
    event: dict[str, Json] = {"action": f"{subject}.pause", subject: "nightly-x"}
    without = parse_event(event, eventgrid_keys="encoded")
    said = {**event, "asked_at": "2026-11-24T10:00:00+08:00"}
    action = parse_event(said, eventgrid_keys="encoded")
    assert isinstance(action, Action)
    assert isinstance(without, Action)
    assert action.asked_at == datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
    assert without.asked_at is None


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, "job: missing"),
        ({"job": ""}, "job: must not be empty"),
        ({"job": 7}, "job: must be text"),
        ({"job": "x" * 257}, "job: must be at most 256 characters"),
        ({"job": "x", "reason": "y" * 501}, "reason: must be at most 500 characters"),
        ({"job": "x", "asked_at": "02:00"}, "asked_at: must be a time with its zone, such as"),
        ({"job": "x", "asked_at": "2026-11-24T02:00:00"}, "asked_at: must be a time with its"),
        ({"job": "x", "reasn": "y"}, "did you mean `reason`?"),
        ({"job": "x", "actor": {"kind": "operator"}}, "actor: unknown field"),
    ],
)
def test_a_slip_is_named(more: dict[str, Json], problem: str) -> None:
    """With its field, and a suggestion."""
    with pytest.raises(EventRejectedError) as caught:
        parse_event({"action": "job.pause", **more}, eventgrid_keys="encoded")
    assert problem in str(caught.value)


@pytest.mark.parametrize("name", ["job.puase", "job.Pause", "jobs.pause"])
def test_a_misspelt_action_gets_a_suggestion(name: str) -> None:
    """As the other actions do."""
    with pytest.raises(EventRejectedError, match=r'did you mean "job\.pause"\?'):
        parse_event({"action": name, "job": "x"}, eventgrid_keys="encoded")


def test_a_timer_cannot_ask_for_it() -> None:
    """It would do it again and again."""
    tick: dict[str, Json] = {
        "trigger_type": "TIMER",
        "trigger_name": "t",
        "time": "2026-11-24T02:00:00Z",
        "user_event": '{"action": "job.delete", "job": "x"}',
    }
    with pytest.raises(EventRejectedError, match=r"a timer cannot ask for job\.delete"):
        parse_timer_event(tick)
