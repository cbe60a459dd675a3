"""The schema of a record's text."""

from __future__ import annotations

import json
from datetime import timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import FIRST_PREV, OUTCOMES, RECORD_FIELDS
from handler.audit.verification.chain_check import fields_of, schema_errors
from handler.values.canonical_json import canonical, timestamp

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOST = 10**15 - 1
LARGEST = 2**53 - 1
"""The largest integer that every reader of JSON keeps."""

LEAST: dict[str, Any] = {
    "action": "job.created",
    "at": "2026-11-23T02:00:00.000000Z",
    "commit": "c",
    "outcome": "success",
    "prev": FIRST_PREV,
    "seq": 1,
}
"""The fields that every record has."""

NO_INTEGER = "has a value in source that is neither text nor an integer"
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
        for name, allowed in RECORD_FIELDS.items()
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
    """Build the text of a record with something changed in it, anywhere."""
    most = 10**12 - 1
    text = canonical(draw(records(TEXTS | st.integers(-most, most), most)))
    begin = draw(st.integers(0, len(text)))
    end = draw(st.integers(begin, min(len(text), begin + 3)))
    other = draw(st.text('"\\{}[],:01-.eau \x00\x1f\x7fé', max_size=3) | st.sampled_from(PIECES))
    return (text[:begin] + other + text[end:]).encode()


PIECES = ["\\u001f", "\\u001F", "\\n", "\\u000a", "\\/", "\\u0041", ',"note":""', '{"a":1}', "-0"]


def errors(text: bytes) -> list[str]:
    """Return everything that is wrong with a text."""
    try:
        return list(schema_errors(fields_of(text)))
    except ValueError as error:
        return [str(error)]


@given(records())
def test_records_of_the_log_are_accepted(fields: dict[str, Any]) -> None:
    """Whatever allowed fields it has."""
    assert errors(canonical(fields).encode()) == []


@given(mutated() | st.binary(max_size=30))
def test_accepted_texts_are_canonical_and_have_the_fields(text: bytes) -> None:
    """Of texts that are almost records, and of noise, nothing else is accepted."""
    if not errors(text):
        fields = json.loads(text)
        assert canonical(fields).encode() == text
        assert {"action", "at", "commit", "outcome", "prev", "seq"} <= fields.keys()


@given(records(ODD_VALUES))
def test_values_of_other_types_are_errors(fields: dict[str, Any]) -> None:
    """Only texts and integers are values of a part."""
    parts = [value for name, value in fields.items() if name in RECORD_FIELDS]
    values = [one for part in parts for one in part.values()]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert bool(errors(text)) == any(type(one) not in {str, int} for one in values)


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"outcome": "fine"}, "has an invalid outcome"),
        ({"action": "Done"}, "has an invalid action"),
        ({"at": "2026-11-23"}, "has an invalid at"),
        ({"seq": "1"}, "has an invalid seq"),
        ({"seq": 0}, "has an invalid seq"),
        ({"prev": "0"}, "has an invalid prev"),
        ({"note": 1}, "has an invalid note"),
        ({"hash": "0"}, "has an unknown field"),
        ({"job": {}}, "has a job without fields"),
        ({"job": "j"}, "has a job without fields"),
        ({"job": {"token": "x"}}, "has an unknown field in job"),
        ({"job": {"key": None}}, "has a value in job that is neither text nor an integer"),
        ({"job": {"key": True}}, "has a value in job that is neither text nor an integer"),
    ],
)
def test_an_error_does_not_show_the_value(changes: dict[str, Any], flaw: str) -> None:
    """In words for a person."""
    assert errors(canonical({**LEAST, **changes}).encode()) == [flaw]
    assert errors(canonical(LEAST).encode()) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"seq": LARGEST}, []),
        ({"seq": LARGEST + 1}, ["has an invalid seq"]),
        ({"source": {"size": LARGEST}}, []),
        ({"source": {"size": LARGEST + 1}}, [NO_INTEGER]),
        ({"source": {"size": -LARGEST}}, []),
        ({"source": {"size": -LARGEST - 1}}, [NO_INTEGER]),
    ],
)
def test_integers_are_accepted_up_to_the_largest_of_canonical_json(
    changes: dict[str, Any], found: list[str]
) -> None:
    """2^53 - 1 on either side of zero: the log never writes a larger one."""
    text = json.dumps({**LEAST, **changes}, sort_keys=True, separators=(",", ":"))
    assert errors(text.encode()) == found
