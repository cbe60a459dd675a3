"""Events as the platform's triggers write them; the command's tests show the rest."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import pytest

from handler.local.triggers.event_factory import (
    SHAPES,
    Upload,
    eventgrid_event,
    object_event,
    timer_event,
)
from handler.triggers.delivery import Delivery, StoredSpec
from handler.triggers.event_parser import parse_event

NIGHT = datetime(2026, 11, 24, 2, tzinfo=timezone(timedelta(hours=8)))
UPLOAD = Upload("b-1", "drop/ä +1.yaml", 3, "e", "R1", NIGHT, "v1", "ObjectCreated:Copy")


def test_a_timers_event_has_five_keys() -> None:
    """And its time an offset."""
    event = timer_event("nightly", "kind: x", NIGHT)
    assert sorted(event) == ["time", "trigger_name", "trigger_type", "user_event", "version"]
    assert event["time"] == "2026-11-24T02:00:00+08:00"


def test_an_objects_event_is_made_from_its_bytes() -> None:
    """Size and entity tag follow from them."""
    event = object_event("b-1", "drop/a", b"abc", request_id="R1", at=NIGHT)
    (delivery,) = parse_event(event, eventgrid_keys="encoded")  # type: ignore[misc] # no action
    assert isinstance(delivery, Delivery)
    tag = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
    assert delivery.spec == StoredSpec("b-1", "drop/a", None, tag, 3)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_the_function_knows_each_shape_by_its_name(shape: str) -> None:
    """The name in the log is the one that the command accepts."""
    (delivery,) = parse_event(SHAPES[shape](UPLOAD), eventgrid_keys="encoded")  # type: ignore[misc] # no action
    assert isinstance(delivery, Delivery)
    assert delivery.source["shape"] == shape
    assert delivery.source["event_name"] == "ObjectCreated:Copy"
    assert delivery.spec == StoredSpec("b-1", "drop/ä +1.yaml", "v1", "e", 3)


def test_eventgrids_inner_time_lies_as_it_was_seen_to() -> None:
    """The region's clock time under a Z, while its own time is UTC with nine digits."""
    event = eventgrid_event(UPLOAD)
    data = event["data"]
    assert isinstance(data, dict)
    assert event["time"] == "2026-11-23T18:00:00.000000000Z"
    assert data["eventTime"] == "2026-11-24T02:00:00.000Z"
    assert event["subject"] == "drop/ä +1.yaml"
