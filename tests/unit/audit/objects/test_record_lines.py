"""Records as lines."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.objects.record_lines import (
    chained_records,
    last_record,
    line_of,
    lines_of,
    stored_records,
)
from handler.audit.record import Draft, Head, Record, seal
from handler.errors import LogBrokenError
from handler.values.canonical_json import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
NOTES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=6)


def chain(notes: Sequence[str]) -> list[Record]:
    """Return a chain of records with some notes."""
    records: list[Record] = []
    head = Head()
    for note in notes:
        records.append(seal(Draft("log.noted", "success", note=note), head, at=NOW, commit="c"))
        head = Head(records[-1].seq, records[-1].hash)
    return records


@given(NOTES)
def test_a_written_record_is_read_unchanged(notes: list[str]) -> None:
    """Whatever a note holds: line ends, quotation marks, what looks like a number."""
    records = chain([*notes, '"seq":7,', "a\nb\r\u2028c"])
    data = lines_of(records)
    assert list(stored_records(data, 0)) == records
    assert [record for record, _ in chained_records(data, Head(), "")] == records
    assert last_record(data) == (records[-1], records[-1].fields)
    assert data.count(b"\n") == len(records)


def test_a_line_that_has_not_ended_is_left_out() -> None:
    """It may still be on its way."""
    data = lines_of(chain("ab"))
    assert [record.seq for record in stored_records(data[:-1], 0)] == [1]
    assert list(stored_records(b"", 0)) == []
    assert last_record(b"half a line") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[1], lines[0]],
        lambda lines: [lines[0].replace(b"success", b"failure"), *lines[1:]],
        lambda lines: [b"no line\n", *lines],
        lambda lines: [b"\xff\xfe\n", *lines],
        lambda lines: [f"{sha256_hex('[1]')} [1]\n".encode(), *lines],
        lambda lines: [f"{sha256_hex('[')} [\n".encode(), *lines],
    ],
)
def test_a_line_that_does_not_follow_is_refused(damage: object) -> None:
    """Left out, swapped, changed, or foreign; a verifier gets to see it nevertheless."""
    assert callable(damage)
    data = b"".join(damage([line_of(record) for record in chain("abc")]))
    with pytest.raises(LogBrokenError, match="nightdrop audit verify"):
        list(chained_records(data, Head(), "obs://b/"))
    assert len(list(stored_records(data, 0))) == data.count(b"\n")


def test_a_changed_last_line_is_no_record() -> None:
    """Nothing is concluded from it."""
    data = lines_of(chain("ab")).replace(b'"note":"b"', b'"note":"c"')
    assert last_record(data) is None


def test_a_record_that_was_sealed_elsewhere_does_not_follow() -> None:
    """Its own hash is right; what comes before it, or its number, is not."""
    first, second = chain("ab")
    forged = seal(Draft("log.noted", "success", note="forged"), Head(), at=NOW, commit="c")
    skipping = seal(
        Draft("log.noted", "success"), Head(first.seq + 1, first.hash), at=NOW, commit="c"
    )
    for records in ([forged, second], [first, skipping]):
        with pytest.raises(LogBrokenError, match="record 2 is missing"):
            list(chained_records(lines_of(records), Head(), ""))
