"""The verdict on a log: valid, invalid, or completeness not proven."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.audit.verification.chain_check import ChainChecker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.audit.record import Head, Record
    from handler.audit.verification.faults import IntegrityFault
    from handler.audit.verification.sources.source import RecordRow

VALID, INVALID, CANNOT_TELL = 0, 1, 2
"""What a verdict can be, as exit statuses."""

# Within a text a quotation mark is escaped, so that this can only be the field.
_NAMED = re.compile(rb'"prev":"([^"]*)"')


@dataclass(frozen=True)
class Verdict:
    """The result of a verification: the last record, the first faults and the count of all.

    `remarks` are sentences that are no faults; `confirmed` is the number of the last record that
    something outside the log confirms, or 0; `records` counts those that were read.
    """

    head: Head
    faults: tuple[IntegrityFault, ...]
    count: int = 0
    remarks: tuple[str, ...] = ()
    confirmed: int = 0
    records: int = 0

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def status(self) -> int:
        """`VALID`, `INVALID`, or `CANNOT_TELL`: no fault, and no evidence from outside."""
        if self.faults:
            return INVALID
        return VALID if self.confirmed else CANNOT_TELL


def verify(records: Iterable[Record]) -> Verdict:
    """Check records from the first one, by the chain alone.

    Memory stays flat; the check continues after a fault.
    """
    checker = ChainChecker()
    checker.check_pages(
        ([row_of(record.seq, record.hash, record.text)] for record in records), lambda _count: None
    )
    faults = checker.faults
    return Verdict(checker.head, tuple(faults.listed), faults.count, records=checker.records)


def row_of(seq: int, stored: str, text: str) -> RecordRow:
    """Return a record as a row, for where the hash before it is kept in its text alone."""
    data = text.encode(errors="surrogatepass")
    named = _NAMED.search(data)
    return seq, stored.encode(errors="surrogatepass"), named[1] if named else b"", data
