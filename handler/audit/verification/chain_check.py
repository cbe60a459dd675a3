"""The check of the chain: each record against its hash, its schema and the record before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.audit.verification.faults import Faults, IntegrityFault
from handler.audit.verification.record_schema import fields_of, schema_errors
from handler.errors import LogBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from handler.audit.record import Fields
    from handler.audit.verification.sources.source import RecordSource, Row


@dataclass
class ChainChecker:
    """Checks records in order, and continues after a fault with the record as stored.

    Attributes:
        head: The last record that was checked, as stored.
        faults: What is wrong.
        latest: The time of that record, a timestamp.
        clock_regressions: How many records have an earlier time than the record before them.
        first_regression: The number of the first of these; 0 if there are none.
    """

    head: Head = field(default_factory=Head)
    faults: Faults = field(default_factory=Faults)
    latest: str = ""
    clock_regressions: int = 0
    first_regression: int = 0

    def check_pages(self, pages: Iterable[list[Row]], advance: Callable[[int], object]) -> None:
        """Check the rows that follow.

        Args:
            pages: The rows, by pages.
            advance: Called with the number of rows of each page.
        """
        for page in pages:
            for row in page:
                self._check(row)
            advance(len(page))

    def _check(self, row: Row) -> None:
        seq, stored, _, text = row
        try:
            fields = fields_of(text)
            errors = list(schema_errors(fields))
        except ValueError as error:
            fields, errors = {}, [str(error)]
        self.faults.add(*_link_faults(row, fields, self.head))
        self.faults.add(*(IntegrityFault(seq, error) for error in errors))
        at = fields.get("at")
        if isinstance(at, str):
            if at < self.latest:
                self.first_regression = self.first_regression or seq
                self.clock_regressions += 1
            self.latest = at
        self.head = Head(seq, stored.decode(errors="replace"))


def check_chain(source: RecordSource, advance: Callable[[int], object]) -> ChainChecker:
    """Check all records of a log, to its end at that time. Memory does not grow with the log.

    Args:
        source: The log.
        advance: Called with the number of records of each page.
    """
    checker = ChainChecker()
    try:
        checker.check_pages(source.pages(), advance)
    except LogBrokenError as error:
        checker.faults.add(IntegrityFault(None, str(error)))
    return checker


def _link_faults(row: Row, fields: Fields, before: Head) -> Iterator[IntegrityFault]:
    """Yield where a record does not follow the one before it, or is not the one that was hashed."""
    seq, stored, prev, text = row
    if seq != before.seq + 1:
        yield IntegrityFault(seq, f"follows record {before.seq}; {_between(seq, before.seq)}")
    if sha256(text).hexdigest().encode() != stored:
        yield IntegrityFault(seq, "was changed: its hash is not that of its text")
    if fields.get("seq", seq) != seq:
        yield IntegrityFault(seq, "has another seq in its text than in its row")
    names = fields.get("prev")
    if names is not None and names != before.hash:
        yield IntegrityFault(seq, f"does not name the hash of record {before.seq} before it")
    if names is not None and str(names).encode() != prev:
        yield IntegrityFault(seq, "has another prev in its text than in its row")


def _between(seq: int, before: int) -> str:
    return "records between them are missing" if seq > before else "the rows are out of order"
