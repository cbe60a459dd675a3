"""The form of a record's text: one pattern, one slow look, and both say the same."""

from __future__ import annotations

import json
from datetime import timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import ALLOWED, FIRST_PREV, OUTCOMES
from handler.audit.verification.record_schema import FORM, KIND, Forms, flaws
from handler.values.canonical_json import canonical, timestamp

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOST = 10**15 - 1
VALUES = TEXTS | st.integers(-MOST, MOST)
ODD_VALUES: st.SearchStrategy[Any] = (
    VALUES | st.none() | st.booleans() | st.floats() | st.just({}) | st.lists(TEXTS)
)


@st.composite
def records(
    draw: st.DrawFn, values: st.SearchStrategy[Any] = VALUES, most: int = MOST
) -> dict[str, Any]:
    """Build the fields of a record, every allowed one now and then."""
    parts = {
        name: draw(st.dictionaries(st.sampled_from(sorted(allowed)), values, min_size=1))
        for name, allowed in ALLOWED.items()
        if draw(st.booleans())
    }
    note = {"note": draw(TEXTS)} if draw(st.booleans()) else {}
    return {
        **parts,
        **note,
        "action": draw(st.sampled_from(["job.created", "log.checkpoint_failed"])),
        "at": timestamp(draw(st.datetimes(timezones=st.just(timezone.utc)))),
        "commit": draw(TEXTS),
        "outcome": draw(st.sampled_from(OUTCOMES)),
        "prev": FIRST_PREV,
        "seq": draw(st.integers(1, most)),
    }


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Build the text of a record with something changed in it, anywhere.

    Its numbers stay below sixteen digits, which only the slow look accepts, with three more.
    """
    most = 10**12 - 1
    text = canonical(draw(records(TEXTS | st.integers(-most, most), most)))
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, min(len(text), begin + 3)))
    other = draw(st.text('"\\{}[],:01-.eau \x00\x1f\x7fé', max_size=3) | st.sampled_from(PIECES))
    return (text[:begin] + other + text[end:]).encode()


PIECES = ["\\u001f", "\\u001F", "\\n", "\\u000a", "\\/", "\\u0041", ',"note":""', '{"a":1}', "-0"]


@given(records())
def test_what_the_log_writes_is_accepted(fields: dict[str, Any]) -> None:
    """By the pattern, by the slow look, and by what was learnt from it."""
    text = canonical(fields).encode()
    found = FORM.fullmatch(text)
    assert found
    assert found.groups() == (
        fields["at"].encode(),
        FIRST_PREV.encode(),
        str(fields["seq"]).encode(),
    )
    assert list(flaws(text)) == []
    forms = Forms()
    assert forms.learn(text)
    for tell in forms.learnt.get(text[KIND], []):
        learnt = tell(text)
        assert learnt
        assert learnt.groups() == found.groups()


@given(mutated() | st.binary(max_size=30))
def test_the_pattern_and_the_slow_look_agree(text: bytes) -> None:
    """On texts that are almost records, and on noise."""
    assert bool(_accepted(text)) is not bool(list(flaws(text)))


@given(records(ODD_VALUES))
def test_values_of_other_types_are_flaws(fields: dict[str, Any]) -> None:
    """Both say so, whatever the value."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert bool(_accepted(text)) is not bool(list(flaws(text)))


@given(records(), mutated())
def test_what_was_learnt_accepts_no_more(fields: dict[str, Any], text: bytes) -> None:
    """But for the hash before it, which is compared anyway."""
    forms = Forms()
    forms.learn(canonical(fields).encode())
    for tells in forms.learnt.values():
        for tell in tells:
            found = tell(text)
            if found and found[2].isalnum():
                assert _accepted(text.replace(found[2], FIRST_PREV.encode()))


def _accepted(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return FORM.fullmatch(text) is not None


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"outcome": "fine"}, "has another outcome than a record can have"),
        ({"action": "Done"}, "has another action than a record can have"),
        ({"at": "2026-11-23"}, "has another at than a record can have"),
        ({"seq": "1"}, "has another seq than a record can have"),
        ({"seq": 0}, "has another seq than a record can have"),
        ({"prev": "0"}, "has another prev than a record can have"),
        ({"note": 1}, "has a note that is no text"),
        ({"hash": "0"}, "has a field that no record has"),
        ({"job": {}}, "has a job without fields"),
        ({"job": "j"}, "has a job without fields"),
        ({"job": {"token": "x"}}, "has a field in job that no record has"),
        ({"job": {"key": None}}, "has a value in job that is neither text nor a whole number"),
        ({"job": {"key": True}}, "has a value in job that is neither text nor a whole number"),
    ],
)
def test_a_flaw_is_told_without_the_value(changes: dict[str, Any], flaw: str) -> None:
    """In words for a person."""
    fields: dict[str, Any] = {
        "action": "job.created",
        "at": "2026-11-23T02:00:00.000000Z",
        "commit": "c",
        "outcome": "success",
        "prev": FIRST_PREV,
        "seq": 1,
    }
    assert list(flaws(canonical({**fields, **changes}).encode())) == [flaw]
    assert list(flaws(canonical(fields).encode())) == []


def test_a_large_number_is_left_to_the_slow_look() -> None:
    """It is rare, and canonical up to 2^53."""
    fields: dict[str, Any] = {
        "action": "a.b",
        "at": "2026-11-23T02:00:00.000000Z",
        "commit": "",
        "prev": FIRST_PREV,
    }
    text = canonical({**fields, "outcome": "success", "seq": 1, "source": {"size": 2**53 - 1}})
    assert FORM.fullmatch(text.encode()) is None
    assert list(flaws(text.encode())) == []
