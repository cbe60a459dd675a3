"""The state at the end of a segment as one object, so that a cold start reads little.

It is only a cache, and it is not trusted: the `log.rolled` record that ends the segment names its
SHA-256, so that the chain vouches for it, and the tables it speaks of by theirs. Where one is
missing, was changed or was made by other code, the state is folded from the records instead.

Its size: what is open, 8 bytes for each name of what is closed (a delivery's key and subject, a
job's key, id and name) and for each segment that mentions a delivery which was not closed in it,
and 64 for each segment. That is about one part in a hundred of the records.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from handler.audit.format_version import VERSION
from handler.audit.objects.archive import Directory, packed, table_of, unpacked
from handler.audit.record import Record
from handler.audit.sql import projection
from handler.values.canonical_json import moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from handler.audit.objects.append_position import LogPosition
    from handler.audit.objects.archive import Row
    from handler.audit.objects.state_cache import CachedState

GIVEN_UP = timedelta(days=7)
"""How long a result file may stay unwritten before its delivery counts as closed all the same."""


@dataclass(frozen=True)
class Index:
    """The state at the end of a segment.

    Attributes:
        rows: What is open, by the state's tables.
        directory: Where to find what is closed.
        mentions: Which segments have records of a delivery that was not closed in them.
        tables: The digests of the tables there are, by their numbers.
        begins: The number of each segment's first record, of the next one's as well.
        first: The log's first record.
    """

    rows: Mapping[str, list[Row]]
    directory: Directory
    mentions: Directory
    tables: Mapping[int, str]
    begins: tuple[int, ...]
    first: Record

    @property
    def names(self) -> frozenset[str]:
        """The names of the tables' objects."""
        return frozenset(table_name(number, digest) for number, digest in self.tables.items())


@dataclass(frozen=True)
class BuiltSnapshot:
    """An index and, if something was closed, a table, ready to be written.

    Attributes:
        data: The index.
        table: The table; empty if there is none.
    """

    data: bytes
    table: bytes


def build_snapshot(state: CachedState, tail: LogPosition, before: Index | None) -> BuiltSnapshot:
    """Return the index for the end of the last segment.

    Args:
        state: The state there.
        tail: The end of the log; the record that ends the segment comes next.
        before: The index of an earlier segment that the state went out from.
    """
    runs = state.closed(timestamp(moment(tail.at) - GIVEN_UP))
    table = table_of(runs) if runs else b""
    added = {tail.segment: digest_of(table)} if runs else {}
    directory = state.directory.with_table(tail.segment, runs)
    closed = {run.key for run in runs}
    begins = before.begins if before else (1,)
    content = {
        "rows": state.rows(frozenset(closed)),
        "version": VERSION,
        "first": state.execute(projection.FIRST)[0],
        "directory": base64.b64encode(directory.entries).decode(),
        "mentions": base64.b64encode(_mentions(state, tail, closed).entries).decode(),
        "tables": {
            str(n): one for n, one in {**(before.tables if before else {}), **added}.items()
        },
        # A segment without an index leaves a gap; its records are found from the one before it.
        "begins": [*begins, *[begins[-1]] * (tail.segment - len(begins)), tail.head.seq + 2],
    }
    return BuiltSnapshot(packed(content), table)


def _mentions(state: CachedState, tail: LogPosition, closed: Collection[str]) -> Directory:
    mentions = state.mentions
    for segment, keys in state.mentioned.items():
        left = keys.difference(closed) if segment == tail.segment else keys
        mentions = mentions.with_names(segment, {("mentioned", key) for key in left})
    return mentions


def read_index(data: bytes) -> Index | None:
    """Return the index that some bytes hold, or None if code with other tables made it.

    Args:
        data: Bytes that the chain vouches for.
    """
    try:
        content: dict[str, Any] = unpacked(data)
        index = Index(
            rows=content["rows"],
            directory=Directory(base64.b64decode(content["directory"], validate=True)),
            mentions=Directory(base64.b64decode(content["mentions"], validate=True)),
            tables={int(number): str(one) for number, one in content["tables"].items()},
            begins=tuple(content["begins"]),
            first=Record(*content["first"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return index if content.get("version") == VERSION else None


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return sha256(data).hexdigest()


def index_name(segment: int, digest: str) -> str:
    """Return the name of the index at the end of a segment."""
    return f"index/{segment:010}-{digest[:16]}"


def table_name(number: int, digest: str) -> str:
    """Return the name of the table that was made at the end of a segment."""
    return f"closed/{number:010}-{digest[:16]}"
