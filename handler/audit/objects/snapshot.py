"""The state at the end of a segment as one object, so that a cold start reads little.

A snapshot is a cache and is not trusted: the `log.rolled` record that ends the segment holds its
SHA-256, so the chain confirms it. Where it is missing, was changed, or was written for other tables
(`format_version`), the state is folded from the records instead.

It holds every delivery and job in the state, open or closed. Its size is bounded by
`NIGHTDROP_REMEMBER_FOR`, after which closed deliveries leave the state (`retention`).

The object `latest` names the segment that ended last. It is a hint, and not trusted either.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from handler.audit.format_version import VERSION
from handler.audit.objects.append_position import ROLLED
from handler.audit.record import Record, part
from handler.values.canonical_json import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.record import Fields

Rows: TypeAlias = "Mapping[str, Sequence[Sequence[Any]]]"
"""The rows of the state's tables, by the tables' names."""

LATEST = "latest"
"""The name of the object that names the last segment that ended."""

KEPT_SNAPSHOTS = 8
"""How many snapshots there are at most, those of the latest segments."""

OPERATION = "snapshot"
"""`request.operation` of a `log.rolled` record that names a snapshot; older code had others."""


@dataclass(frozen=True)
class Snapshot:
    """The state at the end of a segment.

    Attributes:
        rows: The rows of the state's tables.
        begins: The number of each segment's first record, up to the segment that comes next.
        first: The log's first record.
    """

    rows: Rows
    begins: tuple[int, ...]
    first: Record

    def encode(self) -> bytes:
        """Return the snapshot as the bytes of an object."""
        first = (self.first.seq, self.first.hash, self.first.text)
        content = {"version": VERSION, "rows": self.rows, "begins": self.begins, "first": first}
        text = json.dumps(content, separators=(",", ":"), sort_keys=True)
        return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def decode_snapshot(data: bytes | None, digest: str) -> Snapshot | None:
    """Return the snapshot that some bytes hold, or None if it cannot be used.

    Args:
        data: The bytes of the object; None if it is missing.
        digest: The SHA-256 that the chain has of it. Other bytes are not even decompressed.
    """
    if data is None or sha256_hex(data) != digest:
        return None
    try:
        content: dict[str, Any] = json.loads(gzip.decompress(data))
        if content["version"] != VERSION:
            return None
        return Snapshot(content["rows"], tuple(content["begins"]), Record(*content["first"]))
    except (KeyError, TypeError, ValueError, RecursionError, OSError, EOFError, zlib.error):
        return None


def snapshot_digest(fields: Fields) -> str:
    """Return the digest of the snapshot that a record names; "" if it names none."""
    request = part(fields, "request")
    if fields["action"] != ROLLED or request.get("operation") != OPERATION:
        return ""
    return str(request.get("digest", ""))


def snapshot_name(segment: int) -> str:
    """Return the name of the snapshot at the end of a segment.

    A few names are used in turn, so that old snapshots need not be deleted: together they would
    grow with the square of the log. One that was replaced meanwhile has another digest than the
    chain names, and is not used.
    """
    return f"snapshots/{segment % KEPT_SNAPSHOTS}"


def encode_pointer(segment: int) -> bytes:
    """Return the content of `latest` when a segment has ended."""
    return json.dumps({"segment": segment, "version": VERSION}).encode()


def decode_pointer(data: bytes | None) -> tuple[int, int]:
    """Return the segment and the version in `latest`; zeros if it cannot be read."""
    try:
        content: Any = json.loads(data or b"{}")
        return int(content["segment"]), int(content["version"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return 0, 0
