"""The end of the log in objects: where the next append goes, and what it has to follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.audit.record import Head

if TYPE_CHECKING:
    from handler.audit.record import Fields, Record

ROLLED = "log.rolled"
"""The action that ends a segment; what follows it stands in the next."""


@dataclass(frozen=True)
class Limits:
    """When a segment has enough; OBS ends an object's growth at 10,000 appends.

    A cold start reads the last segment, so that small ones make it fast; each end of a segment
    costs a few requests, so that large ones make commits cheap.

    Attributes:
        appends: How many appends it has at most.
        size: Bytes after which nothing more is begun in it.
    """

    appends: int = 500
    size: int = 1024 * 1024


@dataclass(frozen=True)
class LogPosition:
    """The end of the log.

    Attributes:
        segment: The number of the last segment, from 1; it may not exist yet.
        position: How many bytes stand in it.
        appends: How many appends made them.
        head: The last record.
        at: When it was recorded, a timestamp; "" for no record.
        commit: The id of its commit; "" at a segment's beginning.
    """

    segment: int = 1
    position: int = 0
    appends: int = 0
    head: Head = field(default_factory=Head)
    at: str = ""
    commit: str = ""

    def after(self, record: Record, fields: Fields, size: int) -> LogPosition:
        """Return the tail after one more record.

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
            position=self.position + size,
            appends=self.appends + (commit != self.commit),
            head=head,
            at=at,
            commit=commit,
        )

    @property
    def name(self) -> str:
        """The name of the last segment's object."""
        return segment_name(self.segment)

    def full(self, limits: Limits) -> bool:
        """Return whether the segment is to be ended before anything else is recorded."""
        return self.appends >= limits.appends or self.position >= limits.size


def segment_name(number: int) -> str:
    """Return the name of a segment's object."""
    return f"records/{number:010}"
