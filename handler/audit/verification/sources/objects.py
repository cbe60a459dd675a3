"""A log in an object store, copied to this machine to be verified, with its derived objects.

The last snapshot must equal the state folded from the records before it; older snapshots are not
used any more. The outbox has an object for each commit that came with bodies.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from handler.audit.export.formats import EXPORT_FORMATS
from handler.audit.objects.append_position import ROLLED
from handler.audit.objects.probe_result import PROOF
from handler.audit.objects.segment_reader import records_from
from handler.audit.objects.snapshot import (
    KEPT_SNAPSHOTS,
    LATEST,
    decode_pointer,
    decode_snapshot,
    digest_of,
    snapshot_digest,
    snapshot_name,
)
from handler.audit.objects.state_cache import PUT
from handler.audit.retry_policy import RetryPolicy
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.verification.derived_state import (
    REBUILD,
    Table,
    as_bytes,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.audit.verification.refold import Refold
from handler.audit.verification.sources.jsonl_file import JsonlFileSource
from handler.audit.verification.sources.source import BEGINNING
from handler.audit.verification.verdict import row_of
from handler.errors import CloudError
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.snapshot import Snapshot
    from handler.audit.record import Head
    from handler.audit.verification.sources.source import RecordRow

_BODIES = "SELECT came, key, owner, digest FROM bodies ORDER BY came, key"
_CAME = "SELECT 1 FROM bodies WHERE came = ? LIMIT 1"
_REFERRED = Table("bodies", ("key", "came"))
_FOLDERS = frozenset({"snapshots", "index", "closed", "outbox", "probe"})
"""The folders of derived objects; older code wrote to `index` and `closed`."""

_GIVE_UP = (
    "give its jobs up with `nightdrop jobs abandon`, and drop again or send again what is still "
    "wanted"
)


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

    def changed(self) -> Iterator[IntegrityFault]:
        """Yield every derived object, except bodies, that is not the one that the chain names."""
        pointer = self.read(LATEST)
        if pointer is not None and not decode_pointer(pointer)[0]:
            yield IntegrityFault(f"the object {LATEST} cannot be read; remove it")
        for end in self.ends[-KEPT_SNAPSHOTS:]:
            data = self.read(end.snapshot) if end.digest else None
            if data is not None:
                self.used.add(end.snapshot)
                if digest_of(data) != end.digest:
                    yield IntegrityFault(
                        f"the snapshot {end.snapshot} is not the one it names; {REBUILD}", end.seq
                    )
            elif end == self.last:
                yield IntegrityFault(f"the snapshot {end.snapshot} is gone; {REBUILD}", end.seq)

    def differing(self, refold: Refold) -> Iterator[IntegrityFault]:
        """Yield where the last snapshot differs from the state folded from the records before it.

        A snapshot of another version, or one that `changed` has reported, is not compared.
        """
        last = self.last
        snapshot = decode_snapshot(self.read(last.snapshot), last.digest) if last else None
        if snapshot is None:
            return
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.executescript(SCHEMA.read_text(encoding="utf-8"))
            db.execute("BEGIN")
            _fill(db, snapshot)
            db.text_factory = bytes
            for table in tables_of(refold):
                yield from differing_rows(
                    refold, table, lambda one: db.execute(f"{one.select} ORDER BY 1")
                )
            outbox = sorted(map(as_bytes, snapshot.rows["outbox"]))
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
            elif digest_of(body.encode(errors="surrogatepass")) != digest:
                what = f"in outbox/{came} is not the one recorded"
            else:
                continue
            yield key, IntegrityFault(f"the body of {whose} {what}; {_GIVE_UP}")

    def unused(self, names: Iterator[str], refold: Refold) -> Iterator[str]:
        """Yield remarks about the other objects in the folder."""
        counts: Counter[str] = Counter()
        for name in names:
            folder = name.partition("/")[0]
            if name in {LATEST, PROOF} or folder == "records" or name in self.used:
                continue
            if folder not in _FOLDERS:
                yield f"an object that is not part of the log is in its folder: {display(name)}"
            elif folder != "outbox" or not list(refold.rows(_CAME, (name[7:],))):
                counts[folder] += 1
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


class ObjectsSource:
    """The records of a folder, copied at the first question; checkpoints read before are in them.

    Closing it closes the folder.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._folder: TemporaryDirectory[str] | None = None
        self._copy: JsonlFileSource | None = None

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield nothing: what protects the bucket is not seen from here."""
        yield from ()

    def pages(self, after: int = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages."""
        return self._copied().pages(after, last)

    def end(self) -> Head:
        """Return the number and hash stored last."""
        return self._copied().end()

    def at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number."""
        return self._copied().at(seq)

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        return self._copied().texts_of_action(action)

    def differences(self, advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield where derived objects differ from the records."""
        records = self._copied()
        derived = DerivedObjects(self._read, segment_ends(records.texts_of_action(ROLLED)))
        with closing(Refold()) as refold:
            yield from derived.changed()
            indexed = derived.last.seq if derived.last else 0
            yield from refold.add_pages(records.pages(last=indexed), advance)
            yield from derived.differing(refold)
            yield from refold.add_pages(records.pages(indexed), advance)
            suspects = list(derived.outbox(refold))
            # What was settled meanwhile has no body any more.
            yield from refold.add_pages(self._grown(len(derived.ends) + 1), advance)
            yield from (fault for key, fault in suspects if refold.has_body(key))
            try:
                yield from derived.unused(self._objects.names(), refold)
            except CloudError as error:
                yield f"what else lies in the folder could not be listed: {error}"

    def latest_in_state(self) -> int:
        """Return 0: a snapshot is only used if a record names it."""
        return 0

    def close(self) -> None:
        """Remove the copy and close connections."""
        if self._folder is not None:
            self._folder.cleanup()
        self._objects.close()

    def _copied(self) -> JsonlFileSource:
        if self._copy is None:
            self._folder = TemporaryDirectory()
            path = Path(self._folder.name) / "log.jsonl"
            records = records_from(1, self._read, self._objects.place)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(EXPORT_FORMATS["jsonl"](records, lambda _record: True))
            self._copy = JsonlFileSource(path)
        return self._copy

    def _grown(self, segment: int) -> Iterator[list[RecordRow]]:
        """Yield the records that were written after the copy was made."""
        end = self.end().seq
        for record in records_from(segment, self._read, self._objects.place):
            if record.seq > end:
                yield [row_of(record.seq, record.hash, record.text)]

    def _read(self, name: str) -> bytes | None:
        return RetryPolicy().retry(self._objects.place, lambda: self._objects.read(name))
