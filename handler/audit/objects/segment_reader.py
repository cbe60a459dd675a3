"""The records of the log in objects, segment after segment, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.objects.append_position import ROLLED, segment_name
from handler.audit.objects.record_lines import stored_records
from handler.audit.objects.snapshot import LATEST, decode_pointer
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.record import Record


_END = f'{{"action":"{ROLLED}"'


def records_from(segment: int, read: Callable[[str], bytes | None], place: str) -> Iterator[Record]:
    """Yield every record from the beginning of a segment on, unchecked.

    The next segment is always asked for, even after one that has lost its end. A segment that had
    no end when it was read, and has a successor by now, was still being written: it is read again.

    Args:
        segment: The number of the segment.
        read: Returns the content of an object, or None if it does not exist.
        place: The address of the log, for messages.

    Raises:
        LogBrokenError: A segment is missing, or ends in the middle of a record; or, once all were
            read, the segments do not end where the log says: an instance would stop there, and do
            the work of what follows again.
    """
    misplaced, last, data = "", 0, _segment(segment, read, place)
    while data is not None:
        following = _segment(segment + 1, read, place)
        if following is not None and not _ends(data):
            data = read(segment_name(segment)) or data
        name, ended = f"{place}{segment_name(segment)}", False
        for record in stored_records(data, last):
            if ended:
                misplaced = misplaced or f"{name} has records after its end"
            last, ended = record.seq, _is_end(record)
            yield record
        if not data.endswith(b"\n"):
            raise LogBrokenError(f"{name} ends in the middle of a record")
        if following is not None and not ended:
            misplaced = misplaced or f"{name} has lost its end, and there is a segment after it"
        segment, data = segment + 1, following
    if misplaced:
        raise LogBrokenError(f"{misplaced}; restore the segments as they were")


def _segment(number: int, read: Callable[[str], bytes | None], place: str) -> bytes | None:
    """Return a segment, or None after the last one; it may be created in this moment."""
    name = segment_name(number)
    data = read(name)
    if data is None and decode_pointer(read(LATEST))[0] >= number:
        data = read(name)
        if data is None:
            raise LogBrokenError(
                f"{place}{name} is gone; restore it, or remove {place}{LATEST} if there was none"
            )
    return data


def _ends(data: bytes) -> bool:
    return any(map(_is_end, stored_records(data[data.rfind(b"\n", 0, -1) + 1 :], 0)))


def _is_end(record: Record) -> bool:
    return record.text.startswith(_END)
