"""OCSF events against the official schema of 1.8; attestations against 1.9 as we read it.

The library has no schema of 1.9 yet. `ATTESTATION` is written by hand after what the 1.9 pages of
the objects attestation, prev_event and fingerprint allow and require.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from handler.audit.export.formats import EXPORT_FORMATS
from handler.audit.export.ocsf import event_of
from handler.audit.record import Draft, Head, seal
from handler.audit.sql.sqlite import SqliteLog
from handler.schedule.rollout_settings import RolloutSettings
from handler.values.canonical_json import canonical, sha256_hex
from tests.support.rollout_log import RolloutLog, named

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.record import Outcome, Record

Event = dict[str, Any]
TEXT = {"type": "string"}
ATTESTATION = Draft202012Validator(
    {
        "$ref": "#/$defs/attestation",
        "$defs": {
            "attestation": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["fingerprint"]}, {"required": ["signatures"]}],
                "properties": {
                    "uid": TEXT,
                    "authority_uid": TEXT,
                    "chain_uid": TEXT,
                    "fingerprint": {"$ref": "#/$defs/fingerprint"},
                    "prev_event": {"$ref": "#/$defs/prev_event"},
                    "signatures": {"type": "array"},
                },
            },
            "prev_event": {
                "type": "object",
                "additionalProperties": False,
                "required": ["uid"],
                "properties": {
                    "uid": TEXT,
                    "type_uid": {"type": "integer"},
                    "fingerprint": {"$ref": "#/$defs/fingerprint"},
                },
            },
            "fingerprint": {
                "type": "object",
                "additionalProperties": False,
                "required": ["algorithm_id", "value"],
                "properties": {
                    "algorithm": TEXT,
                    "algorithm_id": {"enum": [*range(21), 99]},
                    "encoding": TEXT,
                    "encoding_id": {"enum": [0, 1, 2, 3, 99]},
                    "serialization": TEXT,
                    "serialization_id": {"enum": [*range(9), 99]},
                    "value": TEXT,
                },
            },
        },
    }
)


@pytest.fixture(scope="module")
def records(month: Path) -> list[Record]:
    """The month's records."""
    with closing(SqliteLog(month)) as log:
        return list(log.records())


@pytest.fixture(scope="module")
def events(records: list[Record]) -> list[Event]:
    """The month as OCSF events with attestations."""
    return exported("ocsf", records)


@pytest.fixture(scope="module")
def class_1_8() -> Draft202012Validator:
    """The official class API Activity of 1.8.0."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema("api_activity")
    return Draft202012Validator(schema)


def exported(name: str, records: list[Record]) -> list[Event]:
    """Return the events that a format writes."""
    return [json.loads(line) for line in EXPORT_FORMATS[name](records, lambda _record: True)]


def test_every_event_is_valid_by_the_official_schema(
    records: list[Record], class_1_8: Draft202012Validator
) -> None:
    """Version 1.8.0, without the attestation that it does not know."""
    for event in exported("ocsf-1.8", records):
        assert list(class_1_8.iter_errors(event)) == []
        assert event["metadata"]["version"] == "1.8.0"


def test_the_schema_finds_what_is_wrong(
    records: list[Record], class_1_8: Draft202012Validator
) -> None:
    """A validator that accepts anything would prove nothing."""
    event = exported("ocsf-1.8", records)[0]
    assert not class_1_8.is_valid({**event, "surprise": 1})
    assert not class_1_8.is_valid({**event, "actor": {}})
    assert not ATTESTATION.is_valid({"uid": "x"})
    assert not ATTESTATION.is_valid({"fingerprint": {"algorithm_id": 3, "value": "x", "y": 1}})


def test_an_event_of_1_9_is_one_of_1_8_with_the_attestation(
    events: list[Event], records: list[Record], class_1_8: Draft202012Validator
) -> None:
    """Nothing else differs but the version and the profile, which the schema takes in each kind."""
    kinds: dict[str, Event] = {}
    for event, earlier in zip(events, exported("ocsf-1.8", records), strict=True):
        bare = {name: value for name, value in event.items() if name != "attestation_list"}
        assert len(event["attestation_list"]) == 1
        assert event["metadata"]["profiles"] == ["record_integrity"]
        own = {name: event["metadata"][name] for name in ("version", "profiles")}
        assert bare == {**earlier, "metadata": {**earlier["metadata"], **own}}
        kinds[event["metadata"]["event_code"]] = bare
    assert len(kinds) > 5
    assert all(class_1_8.is_valid(event) for event in kinds.values())


def test_every_attestation_is_what_1_9_allows(events: list[Event]) -> None:
    """As its pages have it."""
    for event in events:
        assert list(ATTESTATION.iter_errors(event["attestation_list"][0])) == []


def test_the_type_is_that_of_class_and_activity(events: list[Event]) -> None:
    """JSON Schema cannot say so."""
    for event in events:
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]


def test_fingerprints_chain_the_events(events: list[Event]) -> None:
    """Each is over the canonical event but itself, and names the one before."""
    before: Event = {}
    for event in events:
        attestation = dict(event["attestation_list"][0])
        fingerprint = attestation.pop("fingerprint")
        covered = canonical({**event, "attestation_list": [attestation]})
        assert sha256_hex(covered) == fingerprint["value"]
        if before:
            named = before["attestation_list"][0]["fingerprint"]
            expected = {"uid": before["metadata"]["uid"], "type_uid": before["type_uid"]}
            assert attestation["prev_event"] == {**expected, "fingerprint": named}
        else:
            assert "prev_event" not in attestation
        before = event


def test_our_own_chain_can_be_verified_from_the_events(
    events: list[Event], records: list[Record]
) -> None:
    """They carry every record as it was hashed."""
    before = "0" * 64
    for event in events:
        assert sha256_hex(event["raw_data"]) == event["raw_data_hash"]["value"]
        assert json.loads(event["raw_data"])["prev"] == before
        before = event["metadata"]["uid"]
    assert before == records[-1].hash


def test_a_filtered_event_keeps_its_place_in_the_chain(
    events: list[Event], records: list[Record]
) -> None:
    """Events that are left out are chained nevertheless."""
    few = [
        json.loads(line)
        for line in EXPORT_FORMATS["ocsf"](records, lambda record: record.seq > 900)
    ]
    assert few == events[900:]


def test_an_event_that_needs_attention_is_more_severe(events: list[Event]) -> None:
    """A refusal is; a creation is not."""
    severities = {event["metadata"]["event_code"]: event["severity_id"] for event in events}
    assert severities["job.refused"] == 3
    assert severities["job.created"] == 1
    assert severities["job.unknown"] == 2


@pytest.mark.parametrize(
    ("outcome", "severity"), [("failure", "High"), ("success", "Informational")]
)
def test_a_hold_by_the_circuit_breaker_is_severe(outcome: Outcome, severity: str) -> None:
    """Nothing is sent until a person releases it; a person's own hold needs no look."""
    at = datetime(2026, 11, 24, tzinfo=timezone.utc)
    record = seal(Draft("sending.held", outcome), Head(), at=at, commit="c")
    assert event_of(record, "1.8.0")["severity"] == severity


def test_the_events_of_a_rollout_name_it_its_nodes_and_what_halts_it(
    class_1_8: Draft202012Validator,
) -> None:
    """A breach is severe; a node that failed and the jobs that did are the gate's matter."""
    one = RolloutLog()
    one.plan(named(3), RolloutSettings(max_failed="0", max_targets_per_job=1))
    one.run({"id-00001"})
    events = exported("ocsf-1.8", list(one.log.records()))
    assert all(class_1_8.is_valid(event) for event in events)
    by_action = {event["metadata"]["event_code"]: event for event in events}
    severities = {(event["metadata"]["event_code"], event["severity"]) for event in events}
    assert ("rollout.breached", "High") in severities
    assert ("job.finished", "Low") in severities
    assert ("job.finished", "Medium") not in severities
    resources = by_action["node.failed"]["resources"]
    assert {"type": "edge node", "uid": "id-00001", "name": "gw-00001"} in resources
    assert {"type": "rollout", "uid": one.keys[0]} in resources


def test_the_event_names_who_asked_and_from_where(events: list[Event]) -> None:
    """For a dropped file and for a timer."""
    dropped = next(event for event in events if "ip" in event["src_endpoint"])
    assert dropped["src_endpoint"]["ip"].startswith("192.0.2.")
    assert dropped["actor"]["user"]["account"]["uid"] == "8e61b3f4c5a04d27a9d2f07c41b6e390"
    assert events[0]["actor"]["invoked_by"] == "timer nightly-upgrade"
