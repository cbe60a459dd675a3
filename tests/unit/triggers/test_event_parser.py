"""From events to deliveries, and the filter for these."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import EventRejectedError
from handler.triggers.delivery import Action, Delivery, InvalidEntry, StoredSpec
from handler.triggers.event_parser import Ignored, Watched, filter_delivery, parse_event
from handler.values.canonical_json import Json, canonical

EVENTS = Path(__file__).parents[3] / "events"
BUCKETS = ("nightdrop-drop",)
RESULTS = ("nightdrop-drop", "drop/results/")

ENVELOPES = (
    "trigger_type",
    "trigger_name",
    "time",
    "user_event",
    "TIMER",
    "records",
    "cts",
    "kind",
)
CLOUD_EVENT = ("specversion", "source", "type", "data", "id")
OBJECT = (
    "Records",
    "s3",
    "obs",
    "bucket",
    "object",
    "name",
    "key",
    "eventName",
    "responseElements",
)
NAMES = st.sampled_from([*ENVELOPES, *CLOUD_EVENT, *OBJECT])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner, max_size=6)
    ),
)


def sample(name: str) -> Json:
    """Return one of the sample events."""
    event: Json = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def the_delivery(event: Json) -> Delivery:
    """Return the one delivery of an event that holds exactly one."""
    found = parse_event(event, eventgrid_keys="encoded")
    assert isinstance(found, tuple)
    (delivery,) = found
    assert isinstance(delivery, Delivery)
    return delivery


def dropped(key: str, name: str = "ObjectCreated:Put", bucket: str = "nightdrop-drop") -> Delivery:
    """Return the delivery of an object event of the `obs` shape."""
    stored: Json = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "eTag": "e"}}
    return the_delivery({"Records": [{"eventName": name, "obs": stored}]})


def screened(delivery: Delivery) -> Ignored | None:
    """Screen a delivery with the settings of these tests."""
    return filter_delivery(delivery, Watched(BUCKETS, "drop/", RESULTS))


@pytest.mark.parametrize(
    ("name", "trigger", "subject"),
    [
        ("timer-nightly", "timer", "timer:nightly-upgrade:"),
        ("timer-spec-from-bucket", "timer", "timer:weekly-rollout:"),
        ("obs-s3", "object", "obs://nightdrop-drop/drop/deploy-camera.yaml"),
        ("obs", "object", "obs://nightdrop-drop/drop/line 4/camera v2+1.json"),
        ("eventgrid", "object", "obs://nightdrop-drop/drop/depot+nord/deploy camera.yaml"),
        ("direct-spec", "direct", "direct"),
    ],
)
def test_every_sample_event_is_a_delivery_that_runs(name: str, trigger: str, subject: str) -> None:
    """Each shape is recognised and passes the screening."""
    delivery = the_delivery(sample(name))
    assert delivery.trigger == trigger
    assert delivery.subject.startswith(subject)
    assert screened(delivery) is None


@pytest.mark.parametrize("event", [sample("timer-reconcile"), {"action": "reconcile"}])
def test_the_reconciler_is_asked_for_by_a_timer_or_an_event(event: Json) -> None:
    """A reconcile timer and the bare action are the same request."""
    assert parse_event(event, eventgrid_keys="encoded") == Action("reconcile")


@pytest.mark.parametrize(
    ("event", "resembles"),
    [
        ([], "a list"),
        ("text", "a text that is no JSON"),
        (7, "a number"),
        (1.5, "a number"),
        (None, "null"),
        (True, "true or false"),
        ({}, "the event is empty"),
        ({"some": "thing"}, "an object without the fields of an event"),
        ({"trigger_type": "KAFKA", "records": []}, "a Kafka event"),
        ({"trigger_type": "ROCKETMQ", "records": []}, "a RocketMQ event"),
        ({"trigger_type": "WEATHER"}, "an event of another trigger"),
        ({"record": [{"smn": {}}]}, "an SMN notification"),
        ({"records": [{"dds": {}}]}, "a DDS event"),
        ({"records": [{"gauss_mongo": {}}]}, "a GaussDB event"),
        ({"cts": {}}, "a CTS trace"),
        ({"lts": {"data": ""}}, "an LTS log event"),
        ({"requestContext": {}, "httpMethod": "GET"}, "an API gateway request"),
        ({"Message": {"records": []}, "ShardID": "0"}, "a DIS event"),
        ({"request_context": {}, "request_payload": ""}, "an asynchronous destination"),
        ({"specversion": "1.0", "source": "s", "type": "t", "data": {}}, "another source than OBS"),
    ],
)
def test_an_unsupported_event_is_described(event: Json, resembles: str) -> None:
    """The rejection names the sender's kind and everything that is supported."""
    with pytest.raises(EventRejectedError) as caught:
        parse_event(event, eventgrid_keys="encoded")
    assert resembles in str(caught.value)
    assert "supported are a timer (trigger_type TIMER), OBS events" in str(caught.value)


@pytest.mark.parametrize(
    ("event", "suggestion"),
    [
        ({"action": "recncile"}, 'action: unknown action "recncile"; did you mean "reconcile"?'),
        ({"action": "Doctor"}, 'action: unknown action "Doctor"; did you mean "doctor"?'),
        ({"action": "explode"}, 'unknown action "explode"; an action is {"action": "reconcile"}'),
        ({"action": "a\x1b[2Jb" * 99}, 'unknown action "a\\x1b[2J'),
        ({"action": "reconcile", "also": 1}, "and nothing beside it"),
        ({"action": 7}, 'an action is {"action": "reconcile"} or {"action": "doctor"}'),
    ],
)
def test_an_unknown_action_gets_a_suggestion(event: Json, suggestion: str) -> None:
    """A typing error is no foreign trigger."""
    with pytest.raises(EventRejectedError) as caught:
        parse_event(event, eventgrid_keys="encoded")
    assert suggestion in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("data", [[], [{"obs": {}}], {}, "text", None])
@pytest.mark.parametrize("named", [{"source": "HC.OBS.DWR"}, {"type": "OBS:DWR:ObjectCreated:PUT"}])
def test_an_event_of_obs_with_other_data_is_not_called_another_source(
    data: Json, named: dict[str, Json]
) -> None:
    """A transformation of EventGrid changed it."""
    event: Json = {"specversion": "1.0", "source": "s", "type": "t", **named, "data": data}
    with pytest.raises(EventRejectedError, match="not the single message that OBS sends"):
        parse_event(event, eventgrid_keys="encoded")


def test_an_unsupported_event_is_not_echoed() -> None:
    """No value of a foreign event reaches the message."""
    with pytest.raises(EventRejectedError) as caught:
        parse_event({"trigger_type": "canary", "x": "canary"}, eventgrid_keys="encoded")
    assert "canary" not in str(caught.value)


@given(event=ANY_JSON, keys=st.sampled_from(["encoded", "raw"]))
def test_any_event_is_recognised_or_rejected(event: Json, keys: str) -> None:
    """Nothing but the one error is raised, and what is recorded has a canonical form."""
    try:
        found = parse_event(event, eventgrid_keys="raw" if keys == "raw" else "encoded")
    except EventRejectedError:
        return
    for one in found if isinstance(found, tuple) else ():
        assert len(one.key) == 52
        if isinstance(one, InvalidEntry) or one.trigger != "direct":
            canonical(dict(one.source))


@given(
    raw=st.dictionaries(NAMES | st.text(max_size=3), ANY_JSON, max_size=4),
    shape=st.sampled_from(["s3", "obs"]),
    key=st.text(max_size=9),
)
def test_an_odd_entry_never_raises(raw: dict[str, Json], shape: str, key: str) -> None:
    """Whatever an entry holds, it is a delivery or refused."""
    bucket: dict[str, Json] = {"name": "b"}
    stored: dict[str, Json] = {"key": key}
    entry: dict[str, Json] = {"eventName": "ObjectCreated:Put"}
    entry[shape] = {"bucket": bucket | raw, "object": stored | raw}
    event: Json = {"Records": [entry | raw, raw]}
    found = parse_event(event, eventgrid_keys="encoded")
    assert isinstance(found, tuple)
    assert len(found) == 2
    for one in found:
        canonical(dict(one.source))


def test_a_bucket_that_is_not_configured_is_refused() -> None:
    """An object elsewhere is an error, not something to pass over."""
    with pytest.raises(EventRejectedError, match="NIGHTDROP_BUCKETS"):
        screened(dropped("drop/a.yaml", bucket="elsewhere"))


def test_a_timers_object_must_be_in_a_configured_bucket_too() -> None:
    """A timer opens no other buckets."""
    delivery = the_delivery(sample("timer-spec-from-bucket"))
    with pytest.raises(EventRejectedError, match="NIGHTDROP_BUCKETS"):
        filter_delivery(delivery, Watched(("other",), "", None))


def test_a_timers_object_may_be_outside_the_prefix() -> None:
    """The prefix tells which dropped files fire; a timer names its file."""
    delivery = the_delivery(sample("timer-spec-from-bucket"))
    assert isinstance(delivery.spec, StoredSpec)
    assert filter_delivery(delivery, Watched(BUCKETS, "other/", None)) is None


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"])
def test_a_removed_object_is_ignored(name: str) -> None:
    """Only a new object asks for jobs."""
    ignored = screened(dropped("drop/a.yaml", name))
    assert ignored == Ignored("the event does not announce a new object")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("elsewhere/a.yaml", "outside the configured prefix"),
        ("drop/results/a.yaml.result.json", "own results"),
        ("drop/line 4/", "directory marker"),
    ],
)
def test_keys_that_are_no_dropped_files_are_ignored(key: str, reason: str) -> None:
    """The prefix, the results and directory markers are distinguished."""
    ignored = screened(dropped(key))
    assert ignored is not None
    assert reason in ignored.reason


def test_results_in_another_bucket_hide_nothing() -> None:
    """The results prefix counts in its own bucket only."""
    delivery = dropped("drop/results/a.yaml")
    assert filter_delivery(delivery, Watched(BUCKETS, "drop/", ("b", "drop/"))) is None


def test_an_inline_spec_is_always_run() -> None:
    """There is no object to screen."""
    delivery = the_delivery(sample("direct-spec"))
    assert filter_delivery(delivery, Watched((), "drop/", RESULTS)) is None


def test_a_folder_with_the_name_of_another_bucket_is_refused() -> None:
    """The result files of that bucket are there: nobody writes over those of another team."""
    watched = Watched((BUCKETS[0], "team-b"), "drop/", RESULTS)
    with pytest.raises(EventRejectedError, match="the name of another bucket of this function"):
        filter_delivery(dropped("drop/team-b/app.yaml"), watched)
    for key, bucket in (("drop/x/team-b/app.yaml", BUCKETS[0]), ("drop/team-b/a.yaml", "team-b")):
        assert filter_delivery(dropped(key, bucket=bucket), watched) is None
