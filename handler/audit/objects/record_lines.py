"""Records as lines of text: the hash, a space, the record's JSON, a line feed.

This is the format of a segment. JSON escapes line feeds, so one line is one record, and `cut -c66-`
leaves JSON Lines for other tools.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.audit.record import Head, Record
from handler.errors import LogBrokenError
from handler.values.canonical_json import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.record import Fields

# In a string its quotation marks would be escaped, and no part of a record has this field.
_SEQ = re.compile(r'"seq":([0-9]{1,15})[,}]')


def lines_of(records: Iterable[Record]) -> bytes:
    """Return records as lines."""
    return b"".join(line_of(record) for record in records)


def line_of(record: Record) -> bytes:
    """Return one record as a line."""
    return f"{record.hash} {record.text}\n".encode()


def stored_records(data: bytes, after: int) -> Iterator[Record]:
    """Yield the records of whole lines, unchecked; `after` is the number of the one before."""
    for line in data.split(b"\n")[:-1]:
        digest, _, text = _text(line).partition(" ")
        seq = _SEQ.search(text)
        after = int(seq[1]) if seq else after + 1
        yield Record(after, digest, text)


def _text(line: bytes) -> str:
    """Return a line as text; one that is no UTF-8 as a text that is no record's, readable."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode(errors="replace") + "\N{REPLACEMENT CHARACTER}"


def chained_records(data: bytes, head: Head, place: str) -> Iterator[tuple[Record, Fields]]:
    """Yield records and their fields, and check that each follows the one before.

    Args:
        data: The lines; bytes after the last line feed are left out.
        head: The record before the first.
        place: The address of the log, for the message.

    Raises:
        LogBrokenError: A line is not a record, was changed, or does not follow.
    """
    for record in stored_records(data, head.seq):
        fields = _fields(record)
        if fields is None or fields.get("prev") != head.hash or record.seq != head.seq + 1:
            raise LogBrokenError(
                f"{place}: record {head.seq + 1} is missing, was changed, or does not link to the "
                f"record before it; see `nightdrop audit verify`"
            )
        head = Head(record.seq, record.hash)
        yield record, fields


def last_record(data: bytes) -> tuple[Record, Fields] | None:
    """Return the record of the last line and its fields, or None if it does not match its hash."""
    for record in list(stored_records(data, 0))[-1:]:
        fields = _fields(record)
        return None if fields is None else (record, fields)
    return None


def _fields(record: Record) -> Fields | None:
    """Return a record's fields, or None if its text does not match its hash."""
    if sha256_hex(record.text) != record.hash:
        return None
    try:
        fields = record.fields
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
