"""Every way of tampering with a log is found, and an unchanged log is valid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.record import FIRST_PREV, Draft, Head, Record, seal
from handler.audit.verification.verdict import verify
from handler.values.canonical_json import moment, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.audit.log import Decide
    from handler.audit.sql.sqlite import SqliteLog

Noted: TypeAlias = "Callable[..., Decide[str]]"
AT = moment("2026-11-23T02:00:00.000000Z")
SIX = "abcdef"


def chain(length: int) -> list[Record]:
    """Return a valid chain."""
    records: list[Record] = []
    head = Head()
    for number in range(length):
        draft = Draft(action="log.noted", outcome="success", note=f"{number}")
        records.append(seal(draft, head, at=AT, commit="c"))
        head = Head(records[-1].seq, records[-1].hash)
    return records


def tampered(path: Path, *statements: str) -> None:
    """Do what the owner of a file can do: drop the triggers, then anything."""
    with closing(sqlite3.connect(path)) as db, db:
        for kind in ("insert", "update", "delete"):
            db.execute(f"DROP TRIGGER records_append_only_{kind}")
        for statement in statements:
            db.execute(statement)


@pytest.mark.parametrize("length", [0, 1, 2, 50])
def test_a_valid_chain_has_no_fault(length: int) -> None:
    """The verdict names its end."""
    records = chain(length)
    verdict = verify(records)
    assert verdict.whole
    assert verdict.head == (Head(length, records[-1].hash) if records else Head())


def test_an_unchanged_log_has_no_fault(log: SqliteLog, noted: Noted) -> None:
    """As the store returns it, several pages of it."""
    log.commit_all([noted(*(f"{number}" for number in range(1500)))] * 2)
    assert verify(log.records()).whole


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("UPDATE records SET record = replace(record, '\"c\"', '\"X\"') WHERE seq = 3", {3}),
        ("UPDATE records SET hash = hash || '0' WHERE seq = 3", {3, 4}),
        ("DELETE FROM records WHERE seq = 3", {4}),
        ("DELETE FROM records WHERE seq = 1", {2}),
        ("DELETE FROM records WHERE seq IN (2, 3, 5)", {4, 6}),
        ("UPDATE records SET seq = seq + 10 WHERE seq > 3", {14, 15, 16}),
        ("UPDATE records SET record = record || ' ' WHERE seq = 3", {3}),
    ],
    ids=["edit", "hash", "removal", "first", "removals", "renumbering", "space"],
)
def test_tampering_with_the_file_is_found(
    log: SqliteLog, noted: Noted, path: Path, statement: str, faults: set[int]
) -> None:
    """At the changed record, or just after it."""
    log.commit(noted(*SIX))
    tampered(path, statement)
    verdict = verify(log.records())
    assert {fault.seq for fault in verdict.faults} == faults
    assert not verdict.whole


def test_two_records_that_changed_places_are_found(
    log: SqliteLog, noted: Noted, path: Path
) -> None:
    """Both are under another number than they name."""
    log.commit(noted(*SIX))
    swap = "UPDATE records SET seq = CASE seq WHEN 102 THEN 3 ELSE 2 END WHERE seq > 100"
    tampered(path, "UPDATE records SET seq = seq + 100 WHERE seq IN (2, 3)", swap)
    assert {fault.seq for fault in verify(log.records()).faults} == {2, 3, 4}


def test_a_recomputed_hash_breaks_the_next_record(log: SqliteLog, noted: Noted, path: Path) -> None:
    """An edit with a new hash is found at the record after it."""
    log.commit(noted(*SIX))
    third = list(log.records())[2]
    text = third.text.replace('"c"', '"X"')
    edit = f"UPDATE records SET record = '{text}', hash = '{sha256_hex(text)}' WHERE seq = 3"  # noqa: S608 - the attack
    tampered(path, edit)
    (fault,) = verify(log.records()).faults
    assert str(fault) == "record 4: does not name the hash of record 3 before it"


def resealed(record: Record, text: str) -> Record:
    """Give a record another text, with the hash that belongs to it."""
    return record._replace(text=text, hash=sha256_hex(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not a JSON object"),
        ("1", "is not a JSON object"),
        ("", "is not canonical JSON"),
        ("{", "is not canonical JSON"),
        ('{"seq": 1.0}', "is not in canonical form"),
        ("[" * 100_000, "is not canonical JSON"),
        ('{"a":"\\ud800"}', "is not in canonical form"),
        (f'{{"prev":"{FIRST_PREV}", "seq":1}}', "is not in canonical form"),
        (f'{{"prev":"{FIRST_PREV}","seq":1,"seq":1}}', "is not in canonical form"),
        (f'{{"seq":1,"prev":"{FIRST_PREV}"}}', "is not in canonical form"),
        (f'{{"prev":"{FIRST_PREV}","seq":2}}', "has another seq in its text"),
        (f'{{"prev":"{FIRST_PREV}"}}', "lacks the field seq"),
        ('{"seq":1}', "lacks the field prev"),
        (f'{{"prev":"{FIRST_PREV}","seq":1}}', "lacks the field action"),
    ],
)
def test_a_text_that_is_no_record_is_found(text: str, message: str) -> None:
    """Whatever the text, the check ends with a fault and not with an error."""
    faults = verify([resealed(chain(1)[0], text)]).faults
    assert any(message in fault.message for fault in faults)


def test_a_wrong_prev_is_found() -> None:
    """A record that was sealed after another one does not fit here."""
    records = chain(3)
    stranger = seal(
        Draft(action="log.noted", outcome="success"), Head(1, "f" * 64), at=AT, commit="c"
    )
    faults = verify([records[0], stranger, records[2]]).faults
    assert [(fault.seq, "does not name" in fault.message) for fault in faults] == [
        (2, True),
        (3, True),
    ]


def test_the_check_continues_after_a_fault() -> None:
    """A reader learns of every place, not of the first alone."""
    records = chain(9)
    for place in (2, 6):
        records[place] = records[place]._replace(text=records[place].text.replace('"c"', '"X"'))
    assert [fault.seq for fault in verify(records).faults] == [3, 7]


@given(st.integers(1, 8), st.data())
def test_any_changed_character_is_found(length: int, data: st.DataObject) -> None:
    """Wherever it is."""
    records = chain(length)
    place = data.draw(st.integers(0, length - 1))
    text = records[place].text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda one: one != text[at]))
    records[place] = records[place]._replace(text=text[:at] + other + text[at + 1 :])
    assert not verify(records).whole


@given(st.permutations(range(6)), st.integers(1, 6))
def test_any_other_order_or_gap_is_found(order: list[int], kept: int) -> None:
    """Only a prefix of the chain, in its order, is valid."""
    records = chain(6)
    changed = [records[place] for place in order[:kept]]
    assert verify(changed).whole is (changed == records[:kept])
