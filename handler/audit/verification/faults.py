"""Faults of a log, in words for a person."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 100
"""How many faults are kept; the others are counted."""


@dataclass(frozen=True)
class IntegrityFault:
    """One place where the log is not whole.

    Attributes:
        seq: The record's number, as stored; None if the fault is of the log as a whole.
        message: What is wrong with it.
    """

    seq: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.seq is None else f"record {self.seq}: {self.message}"


@dataclass
class Faults:
    """Faults as they are found: the first of them, and how many there are.

    Attributes:
        kept: At most `MOST`, so that memory stays flat whatever is found.
        count: All of them.
    """

    kept: list[IntegrityFault] = field(default_factory=list)
    count: int = 0

    def add(self, *found: IntegrityFault) -> None:
        """Take in more."""
        self.kept += found[: max(0, MOST - len(self.kept))]
        self.count += len(found)

    def join(self, other: Faults) -> None:
        """Take in those that were found elsewhere."""
        self.add(*other.kept)
        self.count += other.count - len(other.kept)
