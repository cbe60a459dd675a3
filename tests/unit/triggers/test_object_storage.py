"""Object events in their three shapes."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import EventRejectedError
from handler.triggers.delivery import Delivery, InvalidEntry, StoredSpec
from handler.triggers.object_storage import parse_cloud_event, parse_records

EVENTS = Path(__file__).parents[3] / "events"
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)


def sample(name: str) -> dict[str, Any]:
    """Return one of the sample events."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def one(records: Any) -> Delivery | InvalidEntry:  # noqa: ANN401 - any JSON
    """Return what a single entry became."""
    (found,) = parse_records(records)
    return found


def delivered(entry: dict[str, Any]) -> Delivery:
    """Return the delivery of a good entry."""
    found = one([entry])
    assert isinstance(found, Delivery)
    return found


def refused(entry: Any) -> InvalidEntry:  # noqa: ANN401 - any JSON
    """Return the refusal of a bad entry."""
    found = one([entry])
    assert isinstance(found, InvalidEntry)
    return found


def entry_of(key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a small entry with a key as it is sent."""
    stored = {"key": key, "eTag": "e1"} | more
    return {
        "eventName": "ObjectCreated:Put",
        "obs": {"bucket": {"name": "nightdrop-drop"}, "object": stored},
    }


def test_the_s3_shape_is_read() -> None:
    """Version 2.0 gives the object, the time, and who acted."""
    delivery = delivered(sample("obs-s3")["Records"][0])
    assert delivery.spec == StoredSpec(
        "nightdrop-drop",
        "drop/deploy-camera.yaml",
        None,
        "db0205fc176b05d7da4962707eef65f1",
        746,
    )
    assert delivery.fired_at == datetime(2026, 11, 23, 14, 5, 31, 482000, timezone.utc)
    assert delivery.actor == {
        "kind": "uploader",
        "principal": "c27e4b9051d84f3f8a6b0d13e9f57a42",
        "ip": "192.0.2.17",
    }
    assert delivery.source["shape"] == "obs-s3"
    assert delivery.source["event_id"] == "0000019AB0C4D2E7940B5F3A61C8E21D"


def test_the_obs_shape_is_read() -> None:
    """Version 3.0 has a version id, and its user is an account."""
    delivery = delivered(sample("obs")["Records"][0])
    assert delivery.source == {
        "shape": "obs",
        "bucket": "nightdrop-drop",
        "key": "drop/line 4/camera v2+1.json",
        "version_id": "G001019AB0C80A5BFFFF940A0271C8F4",
        "etag": "db0205fc176b05d7da4962707eef65f1",
        "size": 746,
        "event_id": "0000019AB0C80A5B9417D6E2F30C48B9",
        "event_name": "ObjectCreated:Copy",
        "time": "2026-11-23T14:09:02.107Z",
    }
    assert delivery.actor["account"] == "8e61b3f4c5a04d27a9d2f07c41b6e390"


def test_eventgrids_own_time_is_believed() -> None:
    """`data.eventTime` may be local time under a Z; `time` is UTC, with nine digits."""
    delivery = parse_cloud_event(sample("eventgrid"), "encoded")
    assert isinstance(delivery, Delivery)
    assert delivery.fired_at == datetime(2026, 11, 23, 14, 12, 41, 530218, timezone.utc)
    assert delivery.source["shape"] == "eventgrid"


def test_eventgrids_keys_are_taken_as_the_setting_says() -> None:
    """Raw keys stay as they are, with percent signs and all."""
    event = sample("eventgrid")
    event["data"]["obs"]["object"]["key"] = "drop/50%25+x.yaml"
    raw = parse_cloud_event(event, "raw")
    encoded = parse_cloud_event(event, "encoded")
    assert isinstance(raw, Delivery)
    assert isinstance(encoded, Delivery)
    assert raw.source["key"] == "drop/50%25+x.yaml"
    assert encoded.source["key"] == "drop/50%+x.yaml".replace("+", " ")


def test_the_same_upload_through_both_ways_is_one_delivery() -> None:
    """EventGrid's id is the request id of the classic event."""
    event = sample("eventgrid")
    grid = parse_cloud_event(event, "encoded")
    assert isinstance(grid, Delivery)
    assert delivered(event["data"]).key == grid.key


@given(key=KEYS)
def test_every_key_survives_the_encoding(key: str) -> None:
    """Encoded as OBS does it and decoded once, a key is the same, in every shape."""
    if len(key.encode()) > 1024:
        key = key[:200]
    entry = entry_of(quote_plus(key))
    assert delivered(entry).source["key"] == key
    s3 = {"eventName": entry["eventName"], "s3": entry["obs"]}
    assert delivered(s3).source["key"] == key
    grid = parse_cloud_event({"id": "1", "data": entry}, "encoded")
    assert grid.source["key"] == key


@given(key=KEYS)
def test_a_key_is_decoded_only_once(key: str) -> None:
    """A key that looks encoded itself stays so."""
    once = quote(key[:100], safe="")
    if len(once) <= 1024:
        assert delivered(entry_of(quote_plus(once))).source["key"] == once


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("drop%2F%FF.yaml", "does not decode to UTF-8"),
        ("drop%2Fa%00.yaml", "NUL"),
        ("a" * 1025, "must be at most 1024 bytes"),
        ("%C3%A4" * 513, "at most 3072 characters"),
        ("", "must not be empty"),
        (None, "must be text"),
        ("\ud800", "lone surrogates"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(key: Any, message: str) -> None:  # noqa: ANN401
    """Each refusal says where and why."""
    found = refused(entry_of(key))
    assert message in found.problem.message
    assert found.problem.path == "Records[0].obs.object.key"


@pytest.mark.parametrize("version", ["null", "", None, 7])
def test_a_missing_version_is_left_out(version: Any) -> None:  # noqa: ANN401 - any JSON
    """The text "null" and every invalid version id count as no version."""
    delivery = delivered(entry_of("a", versionId=version))
    assert isinstance(delivery.spec, StoredSpec)
    assert delivery.spec.version_id is None
    assert "version_id" not in delivery.source


def test_one_bad_entry_does_not_lose_the_good_ones() -> None:
    """Every entry has its own outcome, in the order of the event."""
    nothing = {"eventName": "ObjectCreated:Put"}
    records: list[Any] = [entry_of("a"), nothing, entry_of("%FF"), entry_of("b")]
    kinds = [type(found) for found in parse_records(records)]
    assert kinds == [Delivery, InvalidEntry, InvalidEntry, Delivery]


@pytest.mark.parametrize("entry", [None, 1, "x", [], {}, {"s3": None}, {"obs": []}])
def test_an_entry_of_another_shape_is_refused(entry: Any) -> None:  # noqa: ANN401 - any JSON
    """The refusal keeps its place in the list."""
    assert refused(entry).problem.path.startswith("Records[0]")


@pytest.mark.parametrize("records", [None, {}, [], "x"])
def test_records_without_a_list_are_rejected(records: Any) -> None:  # noqa: ANN401 - any JSON
    """There is no entry to give an outcome to."""
    with pytest.raises(EventRejectedError, match="must be a list"):
        parse_records(records)


def test_a_refused_entry_has_the_same_key_again() -> None:
    """A redelivery of a bad entry is recognised as one."""
    entry = entry_of("%FF")
    assert refused(entry).key == refused(copy.deepcopy(entry)).key


def test_a_redelivery_has_the_same_key_and_another_upload_does_not() -> None:
    """The request id tells uploads of one key apart."""
    entry = sample("obs")["Records"][0]
    again, other = copy.deepcopy(entry), copy.deepcopy(entry)
    again["obs"]["object"]["sequencer"] = "of no matter beside a request id"
    other["responseElements"]["x-obs-request-id"] = "another"
    assert delivered(again).key == delivered(entry).key
    assert delivered(other).key != delivered(entry).key


@pytest.mark.parametrize("field", ["versionId", "eTag", "sequencer"])
def test_without_a_request_id_the_objects_fields_tell_uploads_apart(field: str) -> None:
    """Version, entity tag and sequencer each make another delivery."""
    first, second = entry_of("a", **{field: "1"}), entry_of("a", **{field: "2"})
    assert delivered(first).key != delivered(second).key


def test_the_time_is_the_last_thing_that_tells_uploads_apart() -> None:
    """With nothing else, two times are two uploads."""
    first = entry_of("a", eTag=None) | {"eventTime": "2026-11-23T14:05:31.482Z"}
    second = entry_of("a", eTag=None) | {"eventTime": "2026-11-23T14:05:31.483Z"}
    assert delivered(first).key != delivered(second).key


def test_an_entry_that_nothing_tells_apart_is_refused() -> None:
    """Taking it would make every later upload of the same key a duplicate."""
    assert (
        "cannot be distinguished from another one"
        in refused(entry_of("a", eTag=None)).problem.message
    )


def test_fields_that_are_only_recorded_may_be_unexpected() -> None:
    """Unknown and unexpected fields beside the object do no harm."""
    odd = {"userIdentity": "x", "requestParameters": {"sourceIPAddress": 7}, "future": [1]}
    delivery = delivered(entry_of("a", size="many") | odd | {"responseElements": None})
    assert delivery.actor == {"kind": "uploader"}
    assert "size" not in delivery.source


@pytest.mark.parametrize("time", [None, "yesterday", "2026-11-23T14:05:31"])
def test_an_invalid_time_is_left_out(time: Any) -> None:  # noqa: ANN401 - any JSON
    """An unreadable time loses no delivery."""
    assert delivered(entry_of("a") | {"eventTime": time}).fired_at is None


def test_a_broken_cloud_event_is_refused_with_its_place() -> None:
    """The one entry of a CloudEvent has an outcome like any other."""
    event = sample("eventgrid")
    del event["data"]["obs"]["bucket"]["name"]
    found = parse_cloud_event(event, "encoded")
    assert isinstance(found, InvalidEntry)
    assert str(found.problem) == "data.obs.bucket.name: missing"


def test_a_deletion_is_another_delivery_than_the_upload_before_it() -> None:
    """Also within one second, and without a request's id: it does not take the upload's place."""
    stored = {"bucket": {"name": "b-1"}, "object": {"key": "drop/a.yaml", "eTag": "e1"}}
    entry = {"eventTime": "2026-11-24T02:00:00Z", "obs": stored}
    made, gone = (
        delivered({**entry, "eventName": name})
        for name in ("ObjectCreated:Put", "ObjectRemoved:Delete")
    )
    assert made.key != gone.key
