"""The derived objects of a log in an object store, compared with the records.

Each snapshot that is there must equal the state folded from the records before it: an instance
starts at the one that `latest` names, which whoever may write there may change. The outbox has an
object for each commit that came with bodies.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.audit.objects.append_position import segment_name
from handler.audit.objects.probe_result import PROOF
from handler.audit.objects.snapshot import (
    LATEST,
    decode_pointer,
    decode_snapshot,
    snapshot_digest,
    snapshot_name,
)
from handler.audit.objects.state_cache import PUT
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.verification.derived_state import (
    REBUILD,
    REMEDIES,
    Table,
    as_bytes,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.audit.verification.refold import MALFORMED
from handler.values.canonical_json import sha256_hex
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.objects.snapshot import Snapshot
    from handler.audit.verification.refold import Refold

_BODIES = "SELECT came, key, owner, digest FROM bodies ORDER BY came, key"
_CAME = "SELECT 1 FROM bodies WHERE came = ? LIMIT 1"
_REFERRED = Table("bodies", ("key", "came"))
_FOLDERS = frozenset({"snapshots", "index", "closed", "outbox", "probe"})
"""The folders of derived objects; older code wrote to `index` and `closed`."""

_SEGMENT = re.compile(r"records/[0-9]{10}")


@dataclass(frozen=True)
class SegmentEnd:
    """The record that ends a segment, and the digest of the snapshot that it names, or ""."""

    segment: int
    seq: int
    digest: str

    @property
    def snapshot(self) -> str:
        """The name of the snapshot's object."""
        return snapshot_name(self.segment)


@dataclass
class DerivedObjects:
    """The derived objects of a folder.

    Attributes:
        read: Returns the content of an object, or None if it does not exist.
        ends: The ends of the segments, in order.
        used: The names of objects that something refers to.
    """

    read: Callable[[str], bytes | None]
    ends: Sequence[SegmentEnd]
    used: set[str] = field(default_factory=set)

    @property
    def last(self) -> SegmentEnd | None:
        """The last segment that ended with a snapshot: where a new instance starts."""
        return next((end for end in reversed(self.ends) if end.digest), None)

    def kept(self) -> list[SegmentEnd]:
        """Return the ends whose snapshots are there, in order: an instance may start at any."""
        names = {end.snapshot for end in self.ends if end.digest}
        self.used |= names
        found = {name: sha256_hex(self.read(name) or b"") for name in names}
        return [end for end in self.ends if end.digest and found[end.snapshot] == end.digest]

    def changed(self, kept: Sequence[SegmentEnd]) -> Iterator[IntegrityFault]:
        """Yield what an instance would look for, and not find as the chain names it.

        Older snapshots may be replaced, and are then not used.
        """
        pointer = self.read(LATEST)
        if pointer is not None and not decode_pointer(pointer)[0]:
            yield IntegrityFault(f"the object {LATEST} cannot be read; remove it")
        last = self.last
        if last and last not in kept:
            is_there = self.read(last.snapshot) is not None
            how = "is not the one it names" if is_there else "is gone"
            yield IntegrityFault(f"the snapshot {last.snapshot} {how}; {REBUILD}", last.seq)

    def differing(self, end: SegmentEnd, refold: Refold) -> Iterator[IntegrityFault]:
        """Yield where a snapshot differs from the state folded from the records before it.

        A snapshot of another version, or one that was replaced meanwhile, is not compared.
        """
        snapshot = decode_snapshot(self.read(end.snapshot), end.digest)
        if snapshot is None:
            return
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.executescript(SCHEMA.read_text(encoding="utf-8"))
            db.execute("BEGIN")
            try:
                _fill(db, snapshot)
                outbox = sorted(map(as_bytes, snapshot.rows["outbox"]))
            except (*MALFORMED, sqlite3.Error):
                yield IntegrityFault(f"the snapshot {end.snapshot} holds no state; {REBUILD}")
                return
            db.text_factory = bytes
            for table in tables_of(refold):
                yield from differing_rows(
                    refold, table, lambda one: db.execute(f"{one.select} ORDER BY 1")
                )
        yield from differing_rows(refold, _REFERRED, lambda _: iter(outbox))

    def outbox(self, refold: Refold) -> Iterator[tuple[str, IntegrityFault]]:
        """Yield the key and the fault of every body that is missing or not the recorded one."""
        commit, bodies = "", dict[str, str]()
        for row in refold.rows(_BODIES):
            came, key, owner, digest = (value.decode() for value in row)
            if came != commit:
                commit, bodies = came, _bodies(self.read(f"outbox/{came}"))
            self.used.add(f"outbox/{came}")
            body, whose = bodies.get(key), f"the {owner} {key[:16]}"
            if not digest:
                continue  # recorded by an older version
            if body is None:
                what = f"is missing from outbox/{came}"
            elif sha256_hex(body.encode(errors="surrogatepass")) != digest:
                what = f"in outbox/{came} is not the one recorded"
            else:
                continue
            yield key, IntegrityFault(f"the body of {whose} {what}; {REMEDIES[owner]}")

    def unused(self, names: Iterator[str], refold: Refold) -> Iterator[IntegrityFault | str]:
        """Yield faults of segments without those before them, and remarks about other objects."""
        counts: Counter[str] = Counter()
        segments = set[str]()
        for name in names:
            folder = name.partition("/")[0]
            if _SEGMENT.fullmatch(name):
                segments.add(name)
            elif name in {LATEST, PROOF} or name in self.used:
                continue
            elif folder not in _FOLDERS:
                yield f"an object that is not part of the log is in its folder: {display(name)}"
            elif folder != "outbox" or not list(refold.rows(_CAME, (name[7:],))):
                counts[folder] += 1
        yield from _gaps(segments)
        for folder, count in sorted(counts.items()):
            yield (
                f"{count} objects below {folder}/ are not referred to: left by instances that were "
                "stopped, or by an older version; harmless"
            )


def segment_ends(texts: Iterator[bytes]) -> list[SegmentEnd]:
    """Return the ends of segments, from the texts of the records that end them."""
    return [
        SegmentEnd(number, fields["seq"], snapshot_digest(fields))
        for number, fields in enumerate(map(json.loads, texts), 1)
    ]


def _gaps(segments: set[str]) -> Iterator[IntegrityFault]:
    """Yield a fault for each segment that is missing before one that is there."""
    for name in sorted(segments):
        before = int(name.partition("/")[2]) - 1
        if before > 0 and segment_name(before) not in segments:
            yield IntegrityFault(f"{segment_name(before)} is missing before {name}; restore it")


def _fill(db: sqlite3.Connection, snapshot: Snapshot) -> None:
    for table, statement in PUT.items():
        db.executemany(statement, snapshot.rows[table])


def _bodies(data: bytes | None) -> dict[str, str]:
    try:
        content = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: body for key, body in content.items() if isinstance(body, str)}
