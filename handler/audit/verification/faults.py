"""Faults of a log, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass, field

_MOST = 100
"""How many faults are listed; the others are only counted, so that memory stays flat."""


@dataclass(frozen=True)
class IntegrityFault:
    """One fault; `seq` is the stored number of its record, None if it is of the whole log."""

    message: str
    seq: int | None = None

    def __str__(self) -> str:
        return self.message if self.seq is None else f"record {self.seq}: {self.message}"


@dataclass
class Faults:
    """Faults as they are found: the first `MOST` of them, and how many there are."""

    listed: list[IntegrityFault] = field(default_factory=list)
    count: int = 0

    def add(self, *found: IntegrityFault) -> None:
        """Add faults."""
        self.listed += found[: max(0, _MOST - len(self.listed))]
        self.count += len(found)

    def join(self, other: Faults) -> None:
        """Add the faults that were found elsewhere."""
        self.add(*other.listed)
        self.count += other.count - len(other.listed)
