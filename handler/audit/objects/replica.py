"""What an instance knows of the log in objects: the state at a position.

    cold         `latest`, the last record of that segment, its snapshot, and the records after it
    warm         the bytes after the last one that was read
    no snapshot  all records from the first one on

Every record that is read is checked to follow the one before.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from handler.audit.format_version import require_readable
from handler.audit.objects.append_position import LogPosition, segment_name
from handler.audit.objects.record_lines import chained_records, last_record, line_of
from handler.audit.objects.snapshot import (
    LATEST,
    Snapshot,
    decode_pointer,
    decode_snapshot,
    snapshot_digest,
    snapshot_name,
)
from handler.audit.objects.state_cache import StateCache
from handler.audit.record import Record
from handler.audit.sql import statements
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handler.audit.objects.object_store import ObjectStore

_TRIED_SNAPSHOTS = 2
"""How many of the latest snapshots are tried: one may be replaced while it is read."""

_LONGEST_LAST_LINE = 4096


class Replica:
    """The state of a log, and the position it is the state of.

    Args:
        objects: The log's objects.
        retry: Runs a request for bytes until it succeeds.
    """

    def __init__(
        self, objects: ObjectStore, retry: Callable[[Callable[[], bytes | None]], bytes | None]
    ) -> None:
        self._objects = objects
        self._retry = retry
        self.cold = True
        self._last_ended = 0
        self.position = LogPosition()
        self.begins = [1]
        """The number of the first record of each segment, of the last one as well."""
        self.state = StateCache()

    def catch_up(self) -> set[str]:
        """Read the records after the known end and return their hashes.

        Raises:
            LogBrokenError: They do not follow, or records that were there before are missing.
        """
        if self.cold:
            self._start()
        return self._read_on()

    def fold(self) -> None:
        """Fold the state from the first record, without any snapshot."""
        self._reset()
        self._last_ended, _ = decode_pointer(self._read(LATEST))
        self._read_on()

    def advance(self, records: Iterable[Record]) -> None:
        """Move the position behind records that were appended and are in the state already."""
        for record in records:
            self.position = self.position.after(record, record.fields, len(line_of(record)))

    def follow(self, data: bytes) -> set[str]:
        """Fold the lines that follow the known end and return the hashes of their records."""
        state, position, hashes = self.state, self.position, set[str]()
        state.begin()
        try:
            for record, fields in chained_records(data, position.head, self._objects.place):
                self._require_not_ended(position)
                state.add(record, fields)
                position = position.after(record, fields, len(line_of(record)))
                hashes.add(record.hash)
        except BaseException:
            state.rollback()
            raise
        state.commit()
        if position.segment != self.position.segment:
            self.begins.append(position.head.seq + 1)
        self.position = position
        return hashes

    def snapshot(self) -> Snapshot:
        """Return the state as a snapshot, for a segment whose next record ends it."""
        [first] = self.state.execute(statements.FIRST)
        begins = (*self.begins, self.position.head.seq + 2)
        return Snapshot(self.state.rows(), begins, Record(*first))

    def close(self) -> None:
        """Release the state."""
        self.state.close()

    def _start(self) -> None:
        """Load the latest snapshot, if there is one that can be used."""
        self._reset()
        segment, version = decode_pointer(self._read(LATEST))
        self._last_ended = segment
        require_readable(version, self._objects.place)
        for candidate in range(segment, max(0, segment - _TRIED_SNAPSHOTS), -1):
            if self._load(candidate):
                return

    def _load(self, segment: int) -> bool:
        """Load the snapshot at the end of a segment; return whether it could be used."""
        last = last_record(self._read(segment_name(segment), -_LONGEST_LAST_LINE) or b"")
        digest = snapshot_digest(last[1]) if last else ""
        if not last or not digest:
            return False
        snapshot = decode_snapshot(self._read(snapshot_name(segment)), digest)
        if snapshot is None:
            return False
        try:
            self.state.load(snapshot, last)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, sqlite3.Error):
            self._reset()
            return False
        self.begins = list(snapshot.begins)
        self.position = LogPosition(segment=segment).after(*last, 0)
        return True

    def _read_on(self) -> set[str]:
        """Fold everything after the known end, segment by segment.

        Raises:
            LogBrokenError: A segment is missing, or one that had ended has lost its end. Taken for
                the end of the log it would be written again, and its work would be done twice.
        """
        hashes: set[str] = set()
        while True:
            segment = self.position.segment
            hashes |= self.follow(self._rest())
            if self.position.segment == segment:
                if segment <= self._last_ended:
                    raise self._lost("has lost its end")
                self.cold = False
                return hashes

    def _rest(self) -> bytes:
        """Return the bytes after the known end, of a segment that was there or has ended."""
        position = self.position
        data = self._read(position.name, position.size)
        if data is None and (position.size or position.segment <= self._last_ended):
            raise self._lost("is gone")
        return data or b""

    def _lost(self, what: str) -> LogBrokenError:
        return LogBrokenError(
            f"{self._objects.place}{self.position.name} {what}; restore it, then start the "
            "function again"
        )

    def _require_not_ended(self, position: LogPosition) -> None:
        if position.segment != self.position.segment:
            raise LogBrokenError(
                f"{self._objects.place}{self.position.name} has records after its end; "
                "see `nightdrop audit verify`"
            )

    def _reset(self) -> None:
        self.state.close()
        self.state, self.position, self.begins = StateCache(), LogPosition(), [1]
        self.cold = True

    def _read(self, name: str, first: int = 0) -> bytes | None:
        return self._retry(lambda: self._objects.read(name, first))
