"""Checks the chain: each record against its hash, its schema and the record before it.

The schema of a record's text is canonical JSON of the allowed fields.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from handler.audit.record import OUTCOMES, RECORD_FIELDS, Head
from handler.audit.verification.faults import Faults, IntegrityFault
from handler.errors import LogBrokenError
from handler.values.canonical_json import LARGEST_INTEGER, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from handler.audit.record import Fields
    from handler.audit.verification.sources.source import RecordRow, RecordSource
    from handler.values.canonical_json import Json

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "action": re.compile(r"[a-z_]+(?:\.[a-z_]+)+"),
    "outcome": re.compile("|".join(OUTCOMES)),
    "prev": re.compile(r"[0-9a-f]{64}"),
}
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""Writes what `canonical` writes for values that `schema_errors` finds nothing wrong with."""
_REQUIRED = (*_PATTERNS, "at", "commit", "seq")


def fields_of(text: bytes) -> Fields:
    """Return the fields of a record's text.

    Raises:
        ValueError: The text is not canonical JSON of an object.
    """
    try:
        fields: Json = json.loads(text.decode())
        rewritten = _encode(fields)
    except (ValueError, RecursionError):
        raise ValueError("is not canonical JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - a fault of the text
    if rewritten != text.decode():
        raise ValueError("is not in canonical form")
    return fields


def schema_errors(fields: Fields) -> Iterator[str]:
    """Yield where fields do not match the schema, as ends of a sentence, without any value."""
    yield from (f"lacks the field {name}" for name in _REQUIRED if name not in fields)
    for name, value in fields.items():
        if name in RECORD_FIELDS:
            yield from _part_errors(name, value)
        elif name not in _REQUIRED and name != "note":
            yield "has an unknown field"
        elif not _is_valid(name, value):
            yield f"has an invalid {name}"


def _is_valid(name: str, value: Json) -> bool:
    if name == "seq":
        return type(value) is int and 0 < value <= LARGEST_INTEGER
    if name == "at":
        return isinstance(value, str) and _is_moment(value)
    pattern = _PATTERNS.get(name)
    return isinstance(value, str) and (pattern is None or pattern.fullmatch(value) is not None)


def _is_moment(text: str) -> bool:
    try:
        moment(text)
    except ValueError:
        return False
    return True


def _part_errors(name: str, value: Json) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f"has a {name} without fields"
        return
    if not value.keys() <= RECORD_FIELDS[name]:
        yield f"has an unknown field in {name}"
    if not all(isinstance(one, str) or _is_integer(one) for one in value.values()):
        yield f"has a value in {name} that is neither text nor an integer"


def _is_integer(value: Json) -> bool:
    return type(value) is int and abs(value) <= LARGEST_INTEGER


@dataclass
class ChainChecker:
    """Checks records in order, and continues after a fault with the record as stored.

    Attributes:
        head: The last record that was checked, as stored.
        records: How many were checked.
        faults: What is wrong.
        latest: The time of that record, a timestamp.
        clock_regressions: How many records have an earlier time than the record before them.
        first_regression: The number of the first of these; 0 if there are none.
    """

    head: Head = field(default_factory=Head)
    records: int = 0
    faults: Faults = field(default_factory=Faults)
    latest: str = ""
    clock_regressions: int = 0
    first_regression: int = 0

    def check_pages(
        self, pages: Iterable[list[RecordRow]], advance: Callable[[int], object]
    ) -> None:
        """Check the rows that follow; `advance` is called with the number of rows of each page."""
        for page in pages:
            for row in page:
                self._check(row)
            self.records += len(page)
            advance(len(page))

    def _check(self, row: RecordRow) -> None:
        seq, stored, _, text = row
        try:
            fields = fields_of(text)
            errors = list(schema_errors(fields))
        except ValueError as error:
            fields, errors = {}, [str(error)]
        self.faults.add(*_link_faults(row, fields, self.head))
        self.faults.add(*(IntegrityFault(error, seq) for error in errors))
        at = fields.get("at")
        if isinstance(at, str):
            if at < self.latest:
                self.first_regression = self.first_regression or seq
                self.clock_regressions += 1
            self.latest = at
        self.head = Head(seq, stored.decode(errors="replace"))


def check_chain(source: RecordSource, advance: Callable[[int], object]) -> ChainChecker:
    """Check all records of a log, to its end at that time. Memory does not grow with the log."""
    checker = ChainChecker()
    try:
        checker.check_pages(source.pages(), advance)
    except LogBrokenError as error:
        checker.faults.add(IntegrityFault(str(error)))
    return checker


def _link_faults(row: RecordRow, fields: Fields, before: Head) -> Iterator[IntegrityFault]:
    """Yield where a record does not follow the one before it, or is not the one that was hashed."""
    seq, stored, prev, text = row
    if seq != before.seq + 1:
        why = (
            "records between them are missing" if seq > before.seq else "the rows are out of order"
        )
        yield IntegrityFault(f"follows record {before.seq}; {why}", seq)
    if sha256(text).hexdigest().encode() != stored:
        yield IntegrityFault("was changed: its hash is not that of its text", seq)
    if fields.get("seq", seq) != seq:
        yield IntegrityFault("has another seq in its text than in its row", seq)
    names = fields.get("prev")
    if names is not None and names != before.hash:
        yield IntegrityFault(f"does not name the hash of record {before.seq} before it", seq)
    if names is not None and str(names).encode() != prev:
        yield IntegrityFault("has another prev in its text than in its row", seq)
