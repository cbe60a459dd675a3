"""Timer events and their user events."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import EventRejectedError
from handler.triggers.delivery import Action, Delivery, InlineSpec, StoredSpec
from handler.triggers.timer import parse_timer_event
from handler.values.canonical_json import key_of

EVENTS = Path(__file__).parents[3] / "events"


def tick(user_event: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a timer event."""
    event = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": "nightly"}
    return event | {"time": "2026-11-24T02:00:00+08:00", "user_event": user_event} | more


def delivered(event: dict[str, Any]) -> Delivery:
    """Return the delivery of a timer event with a job spec."""
    delivery = parse_timer_event(event)
    assert isinstance(delivery, Delivery)
    return delivery


def test_an_inline_spec_is_stored_unchanged() -> None:
    """The text of the sample is passed on unread."""
    event = json.loads((EVENTS / "timer-nightly.json").read_text())
    delivery = delivered(event)
    assert delivery.spec == InlineSpec(event["user_event"])
    assert delivery.fired_at == datetime(2026, 11, 23, 18, tzinfo=timezone.utc)
    assert delivery.actor == {"kind": "timer", "name": "nightly-upgrade"}
    assert delivery.source == {
        "shape": "timer",
        "trigger_name": "nightly-upgrade",
        "time": "2026-11-24T02:00:00+08:00",
    }


def test_the_subject_names_the_timer_and_what_it_carries() -> None:
    """Two timers of one name with different user events are two subjects."""
    assert delivered(tick("a: 1")).subject == f"timer:nightly:{key_of('a: 1')[:16]}"


@pytest.mark.parametrize(
    "text",
    [
        '{"spec": "obs://nightdrop-drop/drop/a b+c.yaml"}',
        "spec: obs://nightdrop-drop/drop/a b+c.yaml\n",
    ],
)
def test_a_stored_spec_is_named_in_json_or_yaml(text: str) -> None:
    """The address is plain text: nothing in it is decoded."""
    delivery = delivered(tick(text))
    assert delivery.spec == StoredSpec("nightdrop-drop", "drop/a b+c.yaml")
    assert delivery.source["key"] == "drop/a b+c.yaml"


@pytest.mark.parametrize("text", ['{"action": "reconcile"}', "action: reconcile"])
def test_an_action_is_named_in_json_or_yaml(text: str) -> None:
    """A timer asks for the reconciler."""
    assert parse_timer_event(tick(text)) == Action("reconcile")


def test_a_summary_knows_when_its_timer_fired() -> None:
    """The same tick, delivered again, has the same time."""
    action = parse_timer_event(tick('{"action": "summary"}'))
    assert isinstance(action, Action)
    assert (action.name, str(action.fired_at)) == ("summary", "2026-11-23 18:00:00+00:00")


@pytest.mark.parametrize(
    "value",
    [
        {"spec": "https://nightdrop-drop/a"},
        {"spec": "obs://nightdrop-drop"},
        {"spec": "obs://Not_A_Bucket/a"},
        {"spec": "obs://nightdrop-drop/" + "ä" * 513},
        {"spec": 7},
        {"spec": "obs://nightdrop-drop/a", "also": 1},
        {"action": "explode"},
        {"action": "reconcile", "also": 1},
    ],
)
def test_a_form_that_cannot_be_followed_is_rejected(value: Any) -> None:  # noqa: ANN401 - any JSON
    """What is nearly one of the two forms is not taken for a job spec."""
    with pytest.raises(EventRejectedError, match=r"user_event(\.action)?: "):
        parse_timer_event(tick(json.dumps(value)))


@pytest.mark.parametrize("text", ["", "[", "a: &x 1", "\ud800", "- 1\n- 2", "free text", '"a": 1}'])
def test_text_that_cannot_be_read_is_left_to_the_reading_of_specs(text: str) -> None:
    """Its errors are reported where those of every spec are."""
    assert delivered(tick(text)).spec == InlineSpec(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trigger_name": ""}, "trigger_name: must not be empty"),
        ({"time": 1}, "time: must be text"),
        ({"user_event": {}}, "user_event: must be text"),
    ],
)
def test_a_timer_event_without_the_fields_of_its_key_is_rejected(
    change: dict[str, Any], message: str
) -> None:
    """Two events without a time would always be the same."""
    with pytest.raises(EventRejectedError, match=message):
        parse_timer_event(tick("a: 1") | change)


def test_all_missing_fields_of_a_timer_event_are_reported_at_once() -> None:
    """So that they can be corrected in one go."""
    with pytest.raises(EventRejectedError) as caught:
        parse_timer_event({"trigger_type": "TIMER"})
    assert [str(problem) for problem in caught.value.problems] == [
        "trigger_name: missing",
        "time: missing",
        "user_event: missing",
    ]


@pytest.mark.parametrize(
    "change",
    [{"trigger_name": "x"}, {"time": "2026-11-25T02:00:00+08:00"}, {"user_event": "a: 2"}],
)
def test_name_time_and_user_event_make_the_key(change: dict[str, Any]) -> None:
    """Each of the three makes another delivery; the version does not."""
    key = delivered(tick("a: 1")).key
    assert delivered(tick("a: 1", version="v2.0")).key == key
    assert delivered(tick("a: 1") | change).key != key


@given(text=st.text())
def test_any_user_event_becomes_something_or_is_rejected(text: str) -> None:
    """Untrusted text raises nothing else."""
    try:
        made = parse_timer_event(tick(text))
    except EventRejectedError as error:
        assert error.problems  # noqa: PT017 - either is right, nothing else is
    else:
        assert made
