"""The protocol of a log that is verified: rows as stored, without a check."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.record import Head
    from handler.audit.verification.faults import IntegrityFault

RecordRow: TypeAlias = tuple[int, bytes, bytes, bytes]
"""A record as it is stored: its number, its hash, the hash before it, its text in UTF-8."""

BEGINNING = -inf
"""Smaller than every number, those that no record may have as well."""

RECORDS_PER_PAGE = 1000
"""Rows to fetch at once."""


class RecordSource(Protocol):
    """Returns what is stored, unchecked and unchanged."""

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield what is wrong with the store's own protections of the records."""

    def pages(self, after: float = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages."""

    def end(self) -> Head:
        """Return the number and hash stored last."""

    def hash_at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number."""

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""

    def differences(self, advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield where derived data differs from the records; as a sentence what is no fault.

        `advance` is called with the number of records of each page.
        """

    def latest_in_state(self) -> int:
        """Return the number of the latest record that the stored state names; 0 if it names none.

        It is larger than that of the last record only if records were cut off.
        """

    def close(self) -> None:
        """Close the store."""
