"""Records: which fields are accepted, and how each is bound to the one before."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from handler.audit.record import FIRST_PREV, RECORD_FIELDS, Draft, Head, Record, part, seal
from handler.values.canonical_json import canonical, sha256_hex

AT = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)


def sealed(draft: Draft, head: Head | None = None) -> Record:
    """Return the draft as a record at a fixed time."""
    return seal(draft, head or Head(), at=AT, commit="c")


@pytest.mark.parametrize("part_name", sorted(RECORD_FIELDS))
@pytest.mark.parametrize("field", ["sk", "token", "env", "body", "x" * 30])
def test_a_field_outside_the_list_is_refused(part_name: str, field: str) -> None:
    """In every part; the message names the field, never its value."""
    given: Any = {part_name: {field: "SECRET"}}
    with pytest.raises(ValueError, match=f"{part_name} of a record has no field {field}") as caught:
        Draft(action="job.created", outcome="success", **given).fields()
    assert "SECRET" not in str(caught.value)


def test_every_part_of_a_draft_has_its_list() -> None:
    """A new part without a list would let anything in."""
    plain = {"action", "outcome", "note", "body"}
    assert set(Draft._fields) - plain == set(RECORD_FIELDS)


@pytest.mark.parametrize("part_name", sorted(RECORD_FIELDS))
def test_every_allowed_field_is_accepted(part_name: str) -> None:
    """Each is stored under its own name."""
    values = dict.fromkeys(RECORD_FIELDS[part_name], 1)
    given: Any = {part_name: values}
    record = sealed(Draft(action="job.created", outcome="success", **given))
    assert part(record.fields, part_name) == values


def test_empty_parts_and_missing_values_are_left_out() -> None:
    """A record has no empty fields."""
    draft = Draft(
        action="job.unknown",
        outcome="unknown",
        response={"status": None},
        job={"key": "", "name": None},
    )
    assert set(sealed(draft).fields) == {"action", "outcome", "job", "seq", "at", "commit", "prev"}


def test_a_body_is_never_in_the_chain() -> None:
    """It holds the environment of a deployment."""
    draft = Draft(action="job.planned", outcome="pending", body="SECRET")
    assert "SECRET" not in sealed(draft).text


def test_the_first_record_follows_nothing() -> None:
    """Its number is 1 and its `prev` is all zeros."""
    record = sealed(Draft(action="log.opened", outcome="success"))
    assert (record.seq, record.fields["prev"]) == (1, FIRST_PREV)


def test_a_record_names_the_hash_of_the_one_before() -> None:
    """So that none can be changed without changing all after it."""
    first = sealed(Draft(action="log.opened", outcome="success"))
    second = sealed(Draft(action="log.noted", outcome="success"), Head(first.seq, first.hash))
    assert (second.seq, second.fields["seq"], second.fields["prev"]) == (2, 2, first.hash)


def test_the_hash_is_over_the_canonical_text() -> None:
    """The text holds all fields and is stored as it was hashed."""
    record = sealed(Draft(action="log.noted", outcome="success", note="é\n"))
    assert record.hash == sha256_hex(record.text)
    assert record.text == canonical(json.loads(record.text))
    assert record.fields["at"] == "2026-11-23T02:00:00.000000Z"


def test_a_value_without_a_canonical_form_is_refused() -> None:
    """A float would be hashed differently by another reader."""
    draft = Draft(action="job.deferred", outcome="pending", response={"status": 1.5})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="float"):
        sealed(draft)


def test_a_missing_part_is_empty() -> None:
    """Readers need no check."""
    assert part(sealed(Draft(action="log.noted", outcome="success")).fields, "job") == {}
