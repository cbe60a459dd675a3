"""The end of the log in objects: where the next append goes, and which record it must follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.audit.record import Head

if TYPE_CHECKING:
    from handler.audit.record import Fields, Record

ROLLED = "log.rolled"
"""The action that ends a segment; the records after it are in the next segment."""


@dataclass(frozen=True)
class SegmentLimits:
    """When a segment is full. OBS takes at most 10,000 appends to one object.

    A cold start reads the last segment, so small segments make it fast; each end of a segment costs
    a few requests, so large segments make commits cheap.

    Attributes:
        appends: The most appends to a segment.
        size: Bytes after which no more records are appended to it.
    """

    appends: int = 500
    size: int = 1024 * 1024


@dataclass(frozen=True)
class LogPosition:
    """The end of the log.

    Attributes:
        segment: The number of the last segment, from 1; it may not exist yet.
        size: Its length in bytes.
        appends: How many appends it has had.
        head: The last record.
        at: When that was recorded, a timestamp; "" for an empty log.
        commit: The id of its commit; "" at the beginning of a segment.
    """

    segment: int = 1
    size: int = 0
    appends: int = 0
    head: Head = field(default_factory=Head)
    at: str = ""
    commit: str = ""

    def after(self, record: Record, fields: Fields, size: int) -> LogPosition:
        """Return the position after one more record.

        Args:
            record: The record.
            fields: Its fields.
            size: The length of its line in bytes.
        """
        head, at, commit = Head(record.seq, record.hash), str(fields["at"]), str(fields["commit"])
        if fields["action"] == ROLLED:
            return LogPosition(segment=self.segment + 1, head=head, at=at)
        return LogPosition(
            segment=self.segment,
            size=self.size + size,
            appends=self.appends + (commit != self.commit),
            head=head,
            at=at,
            commit=commit,
        )

    @property
    def name(self) -> str:
        """The name of the last segment's object."""
        return segment_name(self.segment)

    @property
    def place(self) -> tuple[int, int]:
        """The segment and the byte at which the next append goes."""
        return self.segment, self.size

    def is_full(self, limits: SegmentLimits) -> bool:
        """Return whether the segment must end before anything else is recorded."""
        return self.appends >= limits.appends or self.size >= limits.size


def segment_name(number: int) -> str:
    """Return the name of a segment's object."""
    return f"records/{number:010}"
