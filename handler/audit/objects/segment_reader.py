"""The records of the log in objects, segment after segment, as they stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from handler.audit.objects.append_position import ROLLED, segment_name
from handler.audit.objects.record_lines import last_record, stored_records
from handler.audit.objects.snapshot_pointer import LATEST, hinted
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.objects.snapshot import Index
    from handler.audit.record import Record


def records_from(segment: int, read: Callable[[str], bytes | None], place: str) -> Iterator[Record]:
    """Yield every record from the beginning of a segment on, unchecked.

    A segment is looked for behind each one, also behind one that has lost its end. One that had no
    end when it was read, and has another behind it by now, was still written to: it is read again.

    Args:
        segment: The number of the segment.
        read: Reads an object, None if there is none.
        place: Where they are, for messages.

    Raises:
        LogBrokenError: A segment is gone, or ends in the middle of a record.
    """
    last, data = 0, _segment(segment, read, place)
    while data is not None:
        following = _segment(segment + 1, read, place)
        if following is not None and not _ends(data):
            data = read(segment_name(segment)) or data
        for record in stored_records(data, last):
            last = record.seq
            yield record
        if not data.endswith(b"\n"):
            raise LogBrokenError(f"{place}{segment_name(segment)} ends in the middle of a record")
        segment, data = segment + 1, following


def _segment(number: int, read: Callable[[str], bytes | None], place: str) -> bytes | None:
    """Return a segment, None behind the last one; it may come to be while it is asked for."""
    name = segment_name(number)
    data = read(name)
    if data is None and hinted(read(LATEST))[0] >= number:
        data = read(name)
        if data is None:
            raise LogBrokenError(
                f"{place}{name} is gone; restore it, or remove {place}{LATEST} if there was none"
            )
    return data


def _ends(data: bytes) -> bool:
    last = last_record(data[data.rfind(b"\n", 0, -1) + 1 :])
    return last is not None and last[1].get("action") == ROLLED


def segment_of(seq: int, index: Index | None) -> int:
    """Return a segment to begin at in search of a record.

    Args:
        seq: The record's number.
        index: What tells where segments begin; None for nothing.
    """
    if index is None:
        return 1
    # A segment whose beginning is not known has the one before's: the first of them will do.
    found = index.begins[max(bisect_right(index.begins, seq) - 1, 0)]
    return bisect_left(index.begins, found) + 1
