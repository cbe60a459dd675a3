"""Canonical JSON, and the keys and timestamps built on it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.values.canonical_json import (
    Json,
    canonical,
    key_of,
    moment,
    sha256_hex,
    short_key,
    timestamp,
)
from tests.support.depth import examples

LARGEST = 2**53 - 1
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ASCII = st.text(st.characters(max_codepoint=127))


def nested(
    leaves: st.SearchStrategy[Json], keys: st.SearchStrategy[str]
) -> st.SearchStrategy[Json]:
    """Values built of some leaves and some keys."""

    def branches(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        return st.lists(inner) | st.dictionaries(keys, inner)

    return st.recursive(leaves, branches, max_leaves=examples(100))


EXACT = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXT
ALLOWED = nested(EXACT, ASCII)
ANY_TEXT = st.text(st.characters())
ANYTHING = nested(EXACT | st.floats() | st.integers() | ANY_TEXT, ANY_TEXT)


def rfc_8785(value: Json) -> str:
    """Write a value as RFC 8785, section 3.2 says, character by character."""
    if isinstance(value, str):
        return '"' + "".join(map(_character, value)) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(rfc_8785, value)) + "]"
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{rfc_8785(k)}:{rfc_8785(v)}" for k, v in members) + "}"
    words = {None: "null", True: "true", False: "false"}
    return str(value) if type(value) is int else words[value]  # type: ignore[index]


def _character(one: str) -> str:
    code = ord(one)
    return SHORT.get(code) or (f"\\u{code:04x}" if code < 32 else one)


@given(ALLOWED)
def test_the_text_is_that_of_rfc_8785(value: Json) -> None:
    """An independent implementation of the standard writes the same text."""
    assert canonical(value) == rfc_8785(value)


@given(ALLOWED)
def test_the_text_holds_the_value(value: Json) -> None:
    """Reading it back loses nothing, and writing it again changes nothing."""
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), -0.0, LARGEST + 1, -LARGEST - 1, "\ud800", {"\u00e9": 1}, {"\udc00": 1}],
    ids=["float", "nan", "minus zero", "large", "very negative", "surrogate", "key", "odd key"],
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": [{"b": v}]}])
def test_a_value_with_two_spellings_is_refused(value: Json, wrap: st.SearchStrategy[Json]) -> None:
    """Floats, large integers, lone surrogates and odd keys are refused at any depth."""
    with pytest.raises(ValueError, match="canonical form"):
        canonical(wrap(value))  # type: ignore[operator]


@pytest.mark.parametrize("value", [LARGEST, -LARGEST, True, "\U0001f600", {"~": "é"}])
def test_the_edges_of_what_is_allowed_are_taken(value: Json) -> None:
    """The last exact integers, and text outside ASCII that is no key."""
    assert json.loads(canonical(value)) == value


@given(ANYTHING)
def test_every_json_value_has_a_key(value: Json) -> None:
    """Floats, large integers and lone surrogates included: 52 characters fit for a name."""
    key = key_of(value)
    assert len(key) == 52
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_key_does_not_depend_on_the_order_of_members() -> None:
    """Nor does it for a value that has no canonical form."""
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1.5, "b": 2}) == key_of({"b": 2, "a": 1.5})


@pytest.mark.parametrize("value", [1.5, [1.5], {"é": 1}, ["\ud800"], 2**60])
def test_a_value_and_its_own_json_text_have_two_keys(value: Json) -> None:
    """What has no canonical form shares its key with no text that spells it."""
    texts = [json.dumps(value, sort_keys=True), json.dumps(value, separators=(",", ":"))]
    assert key_of(value) not in [key_of(text) for text in texts]


@given(ANYTHING, ANYTHING)
def test_different_values_have_different_keys(one: Json, other: Json) -> None:
    """Equal keys mean the same JSON text."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (key_of(one) == key_of(other)) is same


def test_the_key_of_a_value_never_changes() -> None:
    """Records written years ago still name the same delivery."""
    assert key_of({"a": [1, None]}) == "ukilkwueutufdqj6k4bunu4wud7vryj6hncycerdoscpt3j3rfia"
    assert key_of({"a": 1.5}) == "47rfiymnidn45vnuekjapqbbqbrcf25kjkn3qm3khvjjo3sanbhq"


def test_people_are_shown_sixteen_characters_of_a_key() -> None:
    """Enough to tell deliveries apart on a screen."""
    assert short_key("abcdefghijklmnopqrstuvwxyz") == "abcdefghijklmnop"


def test_text_is_hashed_as_utf8() -> None:
    """Text and its bytes have one digest."""
    assert sha256_hex("é") == sha256_hex(b"\xc3\xa9")


MOMENTS = st.datetimes(timezones=st.just(timezone.utc))


@given(MOMENTS)
def test_a_timestamp_is_read_back(at: datetime) -> None:
    """Down to the microsecond, from the year 1 on."""
    assert moment(timestamp(at)) == at


@given(MOMENTS, MOMENTS)
def test_timestamps_sort_as_their_moments(one: datetime, other: datetime) -> None:
    """They are compared as text in the database."""
    assert (timestamp(one) < timestamp(other)) is (one < other)
    assert len(timestamp(one)) == len(timestamp(other))


def test_a_timestamp_is_in_utc() -> None:
    """Whatever the zone of the moment."""
    at = datetime(2026, 11, 23, 2, tzinfo=timezone(timedelta(hours=8)))
    assert timestamp(at) == "2026-11-22T18:00:00.000000Z"


@pytest.mark.parametrize(
    "text", ["", "2026-11-23", "2026-11-23T02:00:00Z", "2026-11-23T02:00:00.1"]
)
def test_another_form_of_time_is_refused(text: str) -> None:
    """Records contain only the form that `timestamp` writes."""
    with pytest.raises(ValueError, match="UTC, with microseconds"):
        moment(text)
