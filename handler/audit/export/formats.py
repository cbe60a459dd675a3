"""The log for other tools: JSON Lines that can be verified alone, CSV, and OCSF events.

Everything is a stream: a record is read, written and forgotten, so that a log of any length is
exported in the same memory.
"""

from __future__ import annotations

import csv
import json
import re
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.export import ocsf
from handler.audit.record import RECORD_FIELDS, part
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from handler.audit.record import Fields, Record

    Chosen: TypeAlias = Callable[[Record], bool]
    Export: TypeAlias = Callable[[Iterable[Record], Chosen], Iterator[str]]

_PARTS = tuple((name, field) for name, fields in RECORD_FIELDS.items() for field in sorted(fields))

COLUMNS = (
    *("seq", "at", "action", "outcome"),
    *(f"{name}.{field}" for name, field in _PARTS),
    *("note", "commit", "prev", "hash"),
)
"""The columns of a CSV file: every field that a record may have, always all of them."""

# What a spreadsheet takes for a formula where a cell begins, and where some take one to begin:
# after a separator, a quote or a line break (owasp.org, "CSV Injection"). Wide forms count.
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_RISKY = re.compile(rf"{_SIGN}|[\t\r]")
_BEGIN = re.compile(rf"[\s'\"]*{_SIGN}|[\t\r]")
_WITHIN = re.compile(rf"([,;|\t\r\n\"][\s'\"]*)(?={_SIGN})")


_LONGEST = 1_000_000  # characters of a cell: nothing is cut that a record may hold


def json_lines(records: Iterable[Record], chosen: Chosen) -> Iterator[str]:
    """Yield a JSON object per record: its hash, and its text as it was hashed.

    A complete log in this form can be verified without the database. A line is ASCII: foreign
    names are escaped in it, and read back as they were hashed.
    """
    for record in filter(chosen, records):
        yield json.dumps({"hash": record.hash, "record": record.text}) + "\n"


def csv_lines(records: Iterable[Record], chosen: Chosen) -> Iterator[str]:
    """Yield a header and a row per record, with nothing in it that a spreadsheet would run."""
    line = StringIO()
    write = csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow
    for row in _rows(records, chosen):
        write(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def harmless(text: str) -> str:
    """Return a text with a quote before whatever a spreadsheet would take for a formula."""
    if not _RISKY.search(text):
        return text
    within = _WITHIN.sub(r"\1'", text)
    return f"'{within}" if _BEGIN.match(text) else within


def harmless_csv(text: str) -> str:
    """Return a CSV with its cells made harmless, each in quotes."""
    made = StringIO()
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    write = csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow
    for row in csv.reader(StringIO(text, newline="")):
        write(map(harmless, row))
    return made.getvalue()


def _rows(records: Iterable[Record], chosen: Chosen) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for record in filter(chosen, records):
        yield tuple(harmless(display(cell, longest=_LONGEST)) for cell in _cells(record))


def _cells(record: Record) -> Iterator[str]:
    fields: Fields = record.fields
    for name in ("seq", "at", "action", "outcome"):
        yield str(fields[name])
    for name, field in _PARTS:
        yield str(part(fields, name).get(field, ""))
    for name in ("note", "commit", "prev"):
        yield str(fields.get(name, ""))
    yield record.hash


EXPORT_FORMATS: Mapping[str, Export] = {
    "jsonl": json_lines,
    "csv": csv_lines,
    "ocsf": partial(ocsf.event_lines, version=ocsf.WITH_ATTESTATION),
    "ocsf-1.8": partial(ocsf.event_lines, version=ocsf.WITHOUT_ATTESTATION),
}
"""The formats of an export, by the name that asks for them."""
