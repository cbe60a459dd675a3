"""What is derived from the records in an object store, held against what the records come to.

The index of the last segment that has one and the tables of closed runs that it names are together
the state there; older ones are read by nobody. The outbox has an object for each commit that came
with bodies.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handler.audit.objects.archive import Directory, runs_in
from handler.audit.objects.probe_result import PROOF
from handler.audit.objects.snapshot import digest_of, index_name, read_index, table_name
from handler.audit.objects.snapshot_pointer import LATEST, hinted
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.verification.derived_state import (
    REBUILD,
    Table,
    as_bytes,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from handler.audit.objects.archive import Run
    from handler.audit.objects.snapshot import Index
    from handler.audit.verification.refold import Refold

_BODIES = "SELECT came, key, owner, digest FROM bodies ORDER BY came, key"
_CAME = "SELECT 1 FROM bodies WHERE came = ? LIMIT 1"
_REFERRED = Table("bodies", ("key", "came"))
_GIVE_UP = "give its jobs up with `nightdrop job abandon`, and deliver anew what is still wanted"


@dataclass(frozen=True)
class Ended:
    """The end of a segment, as its last record tells of it.

    Attributes:
        segment: The segment's number.
        seq: The number of that record.
        digest: Of the index at the segment's end; "" if there is none.
    """

    segment: int
    seq: int
    digest: str

    @property
    def index(self) -> str:
        """The name of the index."""
        return index_name(self.segment, self.digest)


@dataclass
class DerivedObjects:
    """The derived objects of a folder.

    Attributes:
        read: Reads an object, None if there is none.
        ended: The segments that have ended, in order.
        used: The names of objects that something refers to.
    """

    read: Callable[[str], bytes | None]
    ended: Sequence[Ended]
    used: set[str] = field(default_factory=set)

    @property
    def last(self) -> Ended | None:
        """The last segment with an index: what a new instance begins with."""
        return next((one for one in reversed(self.ended) if one.digest), None)

    def changed(self) -> Iterator[IntegrityFault]:
        """Yield every object but bodies that is not the one that the chain names."""
        segment, _ = hinted(hint := self.read(LATEST))
        if hint is not None and not segment:
            yield IntegrityFault(None, f"the object {LATEST} cannot be read; remove it")
        for one in self.ended:
            data = self.read(one.index) if one.digest else None
            if data is not None:
                self.used.add(one.index)
                if digest_of(data) != one.digest:
                    yield IntegrityFault(
                        one.seq, f"the index {one.index} is not the one it names; {REBUILD}"
                    )
            elif one == self.last:
                yield IntegrityFault(one.seq, f"the index {one.index} is gone; {REBUILD}")

    def differing(self, refold: Refold) -> Iterator[IntegrityFault]:
        """Yield where the last index and its tables are not what the records up to it come to."""
        data = self.read(self.last.index) if self.last else None
        index = read_index(data) if data else None
        if index is None or not self.last or digest_of(data or b"") != self.last.digest:
            return  # it is not used, or was told of already
        with closing(sqlite3.connect("", isolation_level=None)) as db:
            db.executescript(SCHEMA.read_text())
            db.execute("BEGIN")
            yield from self._filled(db, index)
            db.text_factory = bytes
            for table in tables_of(refold):
                yield from differing_rows(
                    refold, table, lambda one: db.execute(f"{one.select} ORDER BY 1")
                )
            yield from differing_rows(refold, _REFERRED, lambda _: _sorted(index.rows["outbox"]))

    def outbox(self, refold: Refold) -> Iterator[tuple[str, IntegrityFault]]:
        """Yield the key of every body that is missing or not the recorded one, and which it is."""
        commit, bodies = "", dict[str, str]()
        for row in refold.rows(_BODIES):
            came, key, owner, digest = (value.decode() for value in row)
            if came != commit:
                commit, bodies = came, _bodies(self.read(f"outbox/{came}"))
            self.used.add(f"outbox/{came}")
            body, whose = bodies.get(key), f"the {owner} {key[:16]}"
            if not digest:
                continue  # as an older version recorded it
            if body is None:
                what = f"is gone from outbox/{came}"
            elif digest_of(body.encode(errors="surrogatepass")) != digest:
                what = f"in outbox/{came} is not the one recorded"
            else:
                continue
            yield key, IntegrityFault(None, f"the body of {whose} {what}; {_GIVE_UP}")

    def left_over(self, names: Iterator[str], refold: Refold) -> Iterator[str]:
        """Yield what else lies in the folder, as remarks."""
        counted: Counter[str] = Counter()
        for name in names:
            folder = name.partition("/")[0]
            known = folder in {"index", "closed", "outbox", "probe"}
            if name in {LATEST, PROOF} or folder == "records" or name in self.used:
                continue
            if not known:
                yield f"an object that is none of the log's lies among them: {display(name)}"
            elif folder != "outbox" or not list(refold.rows(_CAME, (name[7:],))):
                counted[folder] += 1
        for folder, count in sorted(counted.items()):
            yield (
                f"{count} objects below {folder}/ are referred to by nothing: left by instances "
                "that were stopped, or by an older version; harmless"
            )

    def _filled(self, db: sqlite3.Connection, index: Index) -> Iterator[IntegrityFault]:
        """Put the state that an index and its tables hold into a database."""
        entries, found = 0, list[bool]()
        for number, digest in sorted(index.tables.items()):
            name = table_name(number, digest)
            data = self.read(name)
            self.used.add(name)
            if data is None or digest_of(data) != digest:
                found.append(False)
                what = "is gone" if data is None else "is not the one that its index names"
                yield IntegrityFault(None, f"the table {name} {what}; {REBUILD}")
                continue
            runs = runs_in(data)
            for run in runs:
                _put(db, {"deliveries": [run.delivery], "jobs": run.jobs})
            entries += len(Directory().with_table(number, runs).entries)
            if any(number not in index.directory.find(*one) for run in runs for one in _names(run)):
                yield IntegrityFault(
                    None, f"the index does not find what is in the table {name}; {REBUILD}"
                )
        if all(found) and entries != len(index.directory.entries):
            yield IntegrityFault(None, f"the index finds what is in no table; {REBUILD}")
        _put(db, {name: rows for name, rows in index.rows.items() if name != "outbox"})


def ended_in(texts: Iterator[bytes]) -> list[Ended]:
    """Return the ends of segments, from the texts of the records that end them."""
    return [
        Ended(number, fields["seq"], str(fields.get("request", {}).get("digest", "")))
        for number, fields in enumerate(map(json.loads, texts), 1)
    ]


def _put(db: sqlite3.Connection, rows: Mapping[str, Sequence[Sequence[object]]]) -> None:
    for table, several in rows.items():
        for row in several:
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608 - of the schema


def _names(run: Run) -> Iterator[tuple[Any, str]]:
    """Yield what a run is to be found by."""
    yield "delivery", run.key
    yield "subject", str(run.delivery[2])
    for job in run.jobs:
        yield "job", str(job[0])


def _bodies(data: bytes | None) -> dict[str, str]:
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: body for key, body in found.items() if isinstance(body, str)}


def _sorted(rows: Sequence[Sequence[object]]) -> Iterator[tuple[Any, ...]]:
    return iter(sorted(map(as_bytes, rows)))
