"""The log in other forms, made from a month of records."""

from __future__ import annotations

import csv
import json
import re
from contextlib import closing
from io import StringIO
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.export.formats import (
    COLUMNS,
    EXPORT_FORMATS,
    csv_lines,
    harmless,
    harmless_csv,
    json_lines,
)
from handler.audit.record import RECORD_FIELDS, Draft, Head, Record, part, seal
from handler.audit.sql.sqlite import SqliteLog
from handler.values.canonical_json import moment, sha256_hex

if TYPE_CHECKING:
    from pathlib import Path

FORMULAS = (
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", r"\t=1"),
    ("\ra", r"\ra"),
    (" =1", "' =1"),
    ("a;=1", "a;'=1"),
    ("a, @x", "a, '@x"),
    ('a"=1', "a\"'=1"),
    ("a\n-1", r"a\n-1"),
    ("\ufeff=1", r"\ufeff=1"),
    ("\u200b=1", r"\u200b=1"),
    ("\u2060\ufeff=1", r"\u2060\ufeff=1"),
    ("\u00a0=1", r"\xa0=1"),
    ("\x1b]2;x\x07", r"\x1b]2;x\x07"),
    ("\uff1d1", "'\uff1d1"),
)
MAY_BEGIN = re.compile(r"(?:^|[,;|\t\r\n\"])[\s\"]*[=+\-@\uff1d]|^[\t\r]")


@pytest.fixture(scope="module")
def records(month: Path) -> list[Record]:
    """The month's records."""
    with closing(SqliteLog(month)) as log:
        return list(log.records())


def everything(_record: Record) -> bool:
    """Choose every record."""
    return True


def noted(note: str) -> Record:
    """Return a record with a note."""
    at = moment("2026-11-23T02:00:00.000000Z")
    return seal(Draft("sending.held", "success", note=note), Head(), at=at, commit="c")


def test_the_chain_can_be_verified_from_json_lines_alone(records: list[Record]) -> None:
    """Every hash is that of its text, and every text names the hash before."""
    before = "0" * 64
    for line in json_lines(records, everything):
        kept = json.loads(line)
        assert sha256_hex(kept["record"]) == kept["hash"]
        assert json.loads(kept["record"])["prev"] == before
        before = kept["hash"]
    assert before == records[-1].hash


def test_only_chosen_records_are_exported(records: list[Record]) -> None:
    """In every format."""
    for name, export in EXPORT_FORMATS.items():
        lines = list(export(records, lambda record: record.seq == 7))
        assert len(lines) == 1 + (name == "csv")


def test_a_csv_file_has_a_column_for_every_field(records: list[Record]) -> None:
    """Always the same ones, whatever the records have."""
    fields = {f"{name}.{field}" for name, allowed in RECORD_FIELDS.items() for field in allowed}
    assert fields < set(COLUMNS)
    rows = list(csv.reader(StringIO("".join(csv_lines(records, everything)))))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert tuple(rows[0]) == COLUMNS


def test_a_csv_file_says_what_the_records_say(records: list[Record]) -> None:
    """Read again by a CSV reader."""
    rows = csv.DictReader(StringIO("".join(csv_lines(records, everything))))
    for row, record in zip(rows, records, strict=True):
        assert (row["seq"], row["hash"]) == (str(record.seq), record.hash)
        assert row["job.name"] == str(part(record.fields, "job").get("name", ""))


@pytest.mark.parametrize(("text", "safe"), FORMULAS)
def test_no_cell_begins_with_a_formula(text: str, safe: str) -> None:
    """Not even after a separator that some spreadsheets split at."""
    rows = list(csv.DictReader(StringIO("".join(csv_lines([noted(text)], everything)), newline="")))
    assert rows[0]["note"] == safe


def test_no_export_holds_invisible_characters(records: list[Record]) -> None:
    """Whatever a foreign text holds, a line is one line, and a terminal interprets none of it."""
    hostile = noted("a\x1b[2J\u202e\u200b\ufeff\nforged\u2028\x85é")
    for export in EXPORT_FORMATS.values():
        for line in export([*records[:3], hostile], everything):
            assert line.rstrip("\r\n").isprintable()
            assert len(line.splitlines()) == 1
    kept = json.loads(next(iter(json_lines([hostile], everything))))
    assert kept == {"hash": hostile.hash, "record": hostile.text}


@given(st.text(alphabet="=+-@,;|\t\r\n\"' ab1\uff1d", max_size=12))
def test_no_text_stays_a_formula(text: str) -> None:
    """Wherever a spreadsheet may start a cell, a quote is before the sign."""
    assert not MAY_BEGIN.search(harmless(text))


@given(st.text(f"{ascii_lowercase}{digits}.:/ ", max_size=30))
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    """Nothing is escaped that needs no escape."""
    assert harmless(text) == text


def test_a_csv_of_others_is_made_harmless() -> None:
    """Datasette's, say; cells with commas, quotes and line ends stay cells."""
    text = 'a,"=1+1","say ""hi"", all"\r\n"two\nlines",-2,@x\r\n'
    rows = list(csv.reader(StringIO(harmless_csv(text), newline="")))
    assert rows == [["a", "'=1+1", 'say "hi", all'], ["two\nlines", "'-2", "'@x"]]
