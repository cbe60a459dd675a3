"""What an instance knows of the log in objects: the state, as far as it has read.

    cold     latest ──► the last line of a segment ──► its index ──► what came after it
    warm     what came after the last byte that was read
    no index the first record, and all the others

Every record that is read is found to follow the one before.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from handler.audit.format_version import require_readable
from handler.audit.objects.append_position import ROLLED, LogPosition, segment_name
from handler.audit.objects.archive import Directory, runs_in
from handler.audit.objects.record_lines import chained_records, last_record, line_of
from handler.audit.objects.snapshot import digest_of, index_name, read_index, table_name
from handler.audit.objects.snapshot_pointer import LATEST, hinted
from handler.audit.objects.state_cache import CachedState
from handler.audit.record import Record, part
from handler.audit.sql import projection
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handler.audit.objects.archive import Run
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.snapshot import Index
    from handler.audit.record import Fields

_LONGEST_LAST_LINE = 4096
_LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Replica:
    """The state of a log, and the tail it is the state of.

    Args:
        objects: The log's objects.
        insist: Runs a request for bytes until it succeeds.
    """

    def __init__(
        self,
        objects: ObjectStore,
        retry: Callable[[Callable[[], bytes | None]], bytes | None],
    ) -> None:
        self._objects = objects
        self._insist = retry
        self.cold = True
        self._ended = 0
        self._tables: dict[int, list[Run]] = {}
        self.tail = LogPosition()
        self.index: Index | None = None
        self.state = CachedState(Directory(), Directory(), self._table)

    def catch_up(self) -> set[str]:
        """Read what came after the tail and return the hashes of the new records.

        Raises:
            LogBrokenError: It does not follow, or what was there before is gone.
        """
        indexed = not self.cold or self._begin()
        new: set[str] = set()
        while True:
            segment = self.tail.segment
            digest = self._follow(self._rest(), new)
            if self.tail.segment == segment:
                self.cold = False
                return new
            if indexed and digest:
                self._load(segment, digest)

    def fold(self) -> None:
        """Fold the state anew from the first record, without any index."""
        self._reset(None)
        self.tail = LogPosition()
        self._ended, _ = hinted(self._read(LATEST))
        while True:
            segment = self.tail.segment
            self._follow(self._rest(), set())
            if self.tail.segment == segment:
                self.cold = False
                return

    def advance(self, records: Iterable[Record]) -> None:
        """Take note that records were appended which the state has already."""
        for record in records:
            fields = record.fields
            self.state.mention(self.tail.segment, fields)
            self.tail = self.tail.after(record, fields, len(line_of(record)))

    def end_segment(self, line: bytes, index: bytes) -> None:
        """Go on behind the end of a segment that this instance has just ended.

        Args:
            line: The record that ends it, as a line.
            index: The index that it names; empty if it names none.
        """
        self._follow(line, set())
        made = read_index(index) if index else None
        if made is not None:
            self.take_index(made)

    def take_index(self, index: Index) -> None:
        """Go on with the state that an index holds, and forget what it keeps in tables."""
        [last] = self.state.execute(projection.LAST)
        self._reset(index)
        self.state.begin()
        self.state.take(index.rows)
        self.state.take_ends(index.first, Record(*last))
        self.state.commit()

    def close(self) -> None:
        """Forget everything."""
        self.state.close()

    def _begin(self) -> bool:
        """Go to where the latest index is of use; False if there is none to be used."""
        self._reset(None)
        self.tail = LogPosition()
        hint = self._read(LATEST)
        segment, version = hinted(hint)
        self._ended = segment
        require_readable(version, self._objects.place)
        if not segment:
            return hint is None
        last = last_record(self._read(segment_name(segment), -_LONGEST_LAST_LINE) or b"")
        if last is None:
            return False
        self.tail = LogPosition(segment=segment).after(*last, 0)
        self.state.begin()
        self.state.note(*last)
        self.state.commit()
        digest = _index_digest(last[1])
        if digest and self._load(segment, digest):
            return True
        self._reset(None)
        self.tail = LogPosition()
        return False

    def _rest(self) -> bytes:
        """Return what stands behind the tail.

        Raises:
            LogBrokenError: The segment was there, or has ended, and there is none: taken for the
                end of the log, it would be begun anew, and what stood in it done again.
        """
        tail = self.tail
        data = self._read(tail.name, tail.position)
        if data is None and (tail.position or tail.segment <= self._ended):
            raise LogBrokenError(
                f"{self._objects.place}{tail.name} is gone; restore it and start the function anew"
            )
        return data or b""

    def _follow(self, data: bytes, new: set[str]) -> str:
        """Take in lines that follow the tail; return the digest of the index they end with."""
        state, tail, digest = self.state, self.tail, ""
        state.begin()
        try:
            for record, fields in chained_records(data, tail.head, self._objects.place):
                self._require_open(tail)
                view = projection.SqlView(state.execute, _LONG_AGO)
                state.note(record, fields)
                projection.project(view, fields)
                tail = tail.after(record, fields, len(line_of(record)))
                state.mention(self.tail.segment, fields)
                new.add(record.hash)
                digest = _index_digest(fields)
        except BaseException:
            state.rollback()
            raise
        state.commit()
        self.tail = tail
        return digest

    def _require_open(self, tail: LogPosition) -> None:
        if tail.segment != self.tail.segment:
            raise LogBrokenError(f"{self._objects.place}{self.tail.name} goes on after its end")

    def _load(self, segment: int, digest: str) -> bool:
        """Take the index at the end of a segment, if it is the one that the chain names."""
        data = self._read(index_name(segment, digest))
        if data is None or digest_of(data) != digest:
            return False
        index = read_index(data)
        if index is None:
            return False
        self.take_index(index)
        return True

    def _reset(self, index: Index | None) -> None:
        self.state.close()
        self._tables.clear()
        self.index = index
        found = (index.directory, index.mentions) if index else (Directory(), Directory())
        self.state = CachedState(*found, self._table)

    def _table(self, number: int) -> list[Run]:
        """Read a table, one at a time from the store: the same one is often asked for again."""
        if number not in self._tables:
            digest = self.index.tables.get(number, "") if self.index else ""
            name = table_name(number, digest)
            data = self._read(name)
            if data is None or digest_of(data) != digest:
                raise LogBrokenError(
                    f"{self._objects.place}{name} is missing or was changed; remove all objects "
                    f"below {self._objects.place}index/, and the state is folded anew from the "
                    "records"
                )
            self._tables = {number: runs_in(data)}
        return self._tables[number]

    def _read(self, name: str, first: int = 0) -> bytes | None:
        return self._insist(lambda: self._objects.read(name, first))


def _index_digest(fields: Fields) -> str:
    if fields["action"] != ROLLED:
        return ""
    return str(part(fields, "request").get("digest", ""))
