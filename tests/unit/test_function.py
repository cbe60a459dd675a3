"""The function in process: whatever comes in, it answers or raises an error of its own."""

from __future__ import annotations

import copy
import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.errors import CredentialsError, NightdropError, SettingsError
from handler.function import handle
from handler.invocation.instance import open_instance
from tests.conftest import context
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]
    Sample = Callable[[str], bytes]
    Tick = Callable[..., Reply]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
OUTCOMES = {"completed", "submitted", "duplicate", "ignored", "deferred", "partial", "rejected"}
EVENTS = Path(__file__).parents[2] / "events"
SAMPLES = [
    json.loads(path.read_text())
    for path in sorted(EVENTS.glob("*.json"))
    if path.name != "schema.json"
]
FILES = [path.read_bytes() for path in sorted((EVENTS / "specs").iterdir())]

# Text with lone surrogates, integers of any size, floats that are no numbers: all that can be
# parsed from a sent event.
ANY_TEXT = st.text(st.characters(), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged_events(draw: st.DrawFn) -> object:
    """Draw a sample event with one value replaced."""
    event = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    place: Any = event
    while True:
        step = draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        if not (isinstance(place[step], dict | list) and place[step]) or draw(st.booleans()):
            place[step] = draw(ANY_JSON)
            return event
        place = place[step]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Draw a sample spec with some of its bytes replaced."""
    data = draw(st.sampled_from(FILES))
    begin = draw(st.integers(0, len(data)))
    end = draw(st.integers(begin, min(len(data), begin + 20)))
    return data[:begin] + draw(st.binary(max_size=20)) + data[end:]


def is_answered(fire: Fire, event: object) -> bool:
    """Return whether the function answers an event with a reply that is JSON, or raises its own."""
    try:
        reply = fire(event)
    except NightdropError as error:
        return bool(str(error))
    json.dumps(reply, allow_nan=False).encode()
    failed = reply["outcome"] in {"rejected", "partial", "deferred"}
    # Work that a reconciler run leaves open is counted, not described.
    return reply["outcome"] in OUTCOMES and ("open" in reply or bool(reply["errors"]) == failed)


def test_any_json_is_answered(cloud_fire: Fire, cloud_records: Recorded) -> None:
    """And the chain stays valid."""

    @settings(deadline=None, max_examples=examples(200))
    @given(ANY_JSON)
    def fuzz(event: object) -> None:
        assert is_answered(cloud_fire, event)

    fuzz()
    assert cloud_records()


def test_events_that_are_almost_right_are_answered(
    cloud_fire: Fire, cloud_records: Recorded
) -> None:
    """Each sample event, damaged in one place."""

    @settings(deadline=None, max_examples=examples(300))
    @given(damaged_events())
    def fuzz(event: object) -> None:
        assert is_answered(cloud_fire, event)

    fuzz()
    assert cloud_records()


def test_any_bytes_as_a_file_are_answered(
    cloud_fire: Fire, cloud_drop: Drop, cloud_records: Recorded
) -> None:
    """Random ones, and specs with a few bytes replaced."""

    @settings(deadline=None, max_examples=examples(200))
    @given(st.binary(max_size=200) | damaged_files())
    def fuzz(data: bytes) -> None:
        assert is_answered(cloud_fire, cloud_drop("drop/fuzz.yaml", data))

    fuzz()
    assert cloud_records()


def test_any_text_as_an_inline_spec_is_answered(
    cloud_fire: Fire, tick: Tick, cloud_records: Recorded
) -> None:
    """A timer's user event may be anything."""

    @settings(deadline=None, max_examples=examples(100))
    @given(st.text(max_size=100))
    def fuzz(user_event: str) -> None:
        assert is_answered(cloud_fire, tick(user_event))

    fuzz()
    assert cloud_records()


def circle() -> list[object]:
    """Build a list that holds itself."""
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "event", [b"bytes", object(), {1: 2}, {"kind": {1, 2}}, {1: 2, "a": 3}, circle(), (1, 2)]
)
def test_an_event_that_is_no_json_is_rejected(
    fire: Fire, recorded: Recorded, event: object
) -> None:
    """A caller in the same process may hand over anything."""
    assert fire(event)["outcome"] == "rejected"
    assert [record["action"] for record in recorded()] == ["event.rejected"]


@pytest.mark.parametrize("name", ["\ud800", "a\udfff", ""])
def test_a_timer_with_a_name_that_cannot_be_written_is_rejected(
    fire: Fire, tick: Tick, name: str
) -> None:
    """Nothing that is hashed may hold half a character."""
    reply = fire({**tick(UPGRADE.decode()), "trigger_name": name})
    assert reply["outcome"] == "rejected"


@pytest.mark.parametrize("size", [-1, 2**53, 10**4000, 1.5, "914", True, None])
def test_an_invalid_size_costs_no_job(fire: Fire, drop: Drop, size: object) -> None:
    """It is only recorded, and only when it can be."""
    event = drop("drop/hall.yaml", UPGRADE)
    event["Records"][0]["obs"]["object"]["size"] = size
    assert fire(event)["outcome"] == "submitted"


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("drop%2F%01%1b%7f.yaml", "drop/\x01\x1b\x7f.yaml"),
        ("drop%2Fa%0Ab.yaml", "drop/a\nb.yaml"),
        ("drop%2F%E4%BD%A0%F0%9F%8C%99.yaml", "drop/你🌙.yaml"),
        ("drop%2F100%2525+%2B.yaml", "drop/100%25 +.yaml"),
        ("drop%2F%3Facl%23x.yaml", "drop/?acl#x.yaml"),
        ("drop%2F%2Fa%2F%2Fb.yaml", "drop//a//b.yaml"),
        ("drop%2F~%27%22%5C.yaml", "drop/~'\"\\.yaml"),
        ("drop%2F.%2Fa%2F..%2Fb.yaml", "drop/./a/../b.yaml"),
        ("drop%2F" + "k" * 1010 + ".yaml", "drop/" + "k" * 1010 + ".yaml"),
    ],
)
def test_a_key_may_hold_what_obs_allows(
    emulator: Emulator, fire: Fire, drop: Drop, encoded: str, key: str
) -> None:
    """Exactly this object is read."""
    event = drop(key, UPGRADE)
    event["Records"][0]["obs"]["object"]["key"] = encoded
    assert fire(event)["outcome"] == "submitted"
    assert len(emulator.state.jobs) == 1


def test_each_call_has_one_line(fire: Fire, tick: Tick, lines: list[str]) -> None:
    """With allowed fields only."""
    reply = fire(tick(UPGRADE.decode()))
    (line,) = map(json.loads, lines)
    assert line.pop("milliseconds") >= 0
    assert len(line.pop("request_id")) == 36
    assert line == {
        "action": "function.answered",
        "outcome": "submitted",
        "deliveries": len(reply["deliveries"]),
        "jobs": 1,
    }


def test_a_rejection_needs_attention(fire: Fire, lines: list[str]) -> None:
    """An operator must look at it."""
    fire([])
    assert [json.loads(line)["action"] for line in lines] == [
        "attention.needed",
        "function.answered",
    ]


def test_the_replys_head_is_the_logs(fire: Fire, tick: Tick, recorded: Recorded) -> None:
    """Stored replies are evidence against a changed log."""
    assert fire(tick(UPGRADE.decode()))["head"]["seq"] == recorded()[-1]["seq"]


def test_records_name_the_invocation(fire: Fire, tick: Tick, recorded: Recorded) -> None:
    """One id in every record of a call."""
    fire(tick(UPGRADE.decode()))
    assert len({record["function"]["request_id"] for record in recorded()}) == 1


@pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"])
def test_missing_keys_are_raised_and_recorded(
    environ: Environ, fire_in: FireIn, drop: Drop, recorded: Recorded, name: str
) -> None:
    """The delivery starts over once the agency is there."""
    event = drop("drop/hall.yaml", UPGRADE)
    with pytest.raises(CredentialsError, match="agency"):
        fire_in({**environ, name: ""}, event)
    assert recorded()[-1]["action"] == "delivery.interrupted"
    assert fire_in(environ, event)["outcome"] == "submitted"


def test_a_wrong_setting_prevents_the_start_of_an_instance(
    environ: Environ, fire_in: FireIn
) -> None:
    """It fails before the first event."""
    with pytest.raises(SettingsError, match="NIGHTDROP_AUDIT"):
        fire_in({**environ, "NIGHTDROP_AUDIT": "here"}, {})


def test_a_line_that_cannot_be_written_hides_no_reply(environ: Environ) -> None:
    """The work is done and on record."""

    def broken(_line: str) -> None:
        raise BrokenPipeError(32, "nobody reads")

    spec = {"kind": "node_upgrade", "name": "a", "targets": {"nodes": [{"id": "n"}]}}
    with closing(open_instance(context(environ), environ, broken)) as instance:
        reply = handle(spec, context(environ), instance)
    assert reply["outcome"] == "submitted"
