"""The walk along the chain: every record against its hash, its form and the record before it.

A record that is as it should be costs a match, a hash and a few comparisons; any other one is
looked at again, without haste, to say what is wrong with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.audit.verification.faults import Faults, IntegrityFault
from handler.audit.verification.record_schema import FORM, KIND, Forms, flaws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from handler.audit.record import Fields
    from handler.audit.verification.sources.source import Row


@dataclass
class ChainChecker:
    """How far a walk came and what it found.

    Attributes:
        head: The record it stands at, as stored.
        faults: What is wrong.
        count: How many records it passed.
        latest: The time of the last record, as it is written.
        turned: How often a record was dated before the one before it.
        turned_at: The number of the first of these.
    """

    head: Head = field(default_factory=Head)
    faults: Faults = field(default_factory=Faults)
    count: int = 0
    latest: bytes = b""
    turned: int = 0
    turned_at: int = 0

    @staticmethod
    def beyond(row: Row) -> ChainChecker:
        """Return a walk that stands at a record, which it takes as it is."""
        seq, stored, _, text = row
        found = FORM.fullmatch(text)
        return ChainChecker(
            Head(seq, stored.decode(errors="replace")), latest=found[1] if found else b""
        )

    def along(self, pages: Iterable[list[Row]], advance: Callable[[int], object]) -> None:
        """Go on over more records; after a fault, from what stands there.

        Args:
            pages: The rows that follow.
            advance: Told how many records were passed, now and then.
        """
        forms = Forms()
        for page in pages:
            self._page(page, forms)
            self.count += len(page)
            advance(len(page))

    def join(self, other: ChainChecker) -> None:
        """Go on to where another walk came that began where this one ends."""
        self.turned_at = self.turned_at or other.turned_at
        self.turned += other.turned
        self.faults.join(other.faults)
        self.count += other.count
        self.head, self.latest = other.head, other.latest

    def _page(self, page: list[Row], forms: Forms) -> None:
        before, expected, latest = self.head.hash.encode(), self.head.seq, self.latest
        learnt = forms.learnt.get
        for row in page:
            seq, stored, prev, text = row
            for tell in learnt(text[KIND], ()):
                if found := tell(text):
                    break
            else:
                found = forms.learn(text)
            expected += 1
            if (
                not found
                or found[2] != before
                or prev != before
                or seq != expected
                or found[3] != b"%d" % seq
                or sha256(text).hexdigest().encode() != stored
                or not (text.isascii() or _is_utf8(text))
            ):
                last = Head(expected - 1, before.decode(errors="replace"))
                self.faults.add(*_faults(row, last))
                expected = seq
            before = stored
            if found:
                if found[1] < latest:
                    self._turn(seq)
                latest = found[1]
        self.head, self.latest = Head(expected, before.decode(errors="replace")), latest

    def _turn(self, seq: int) -> None:
        self.turned_at = self.turned_at or seq
        self.turned += 1


def _faults(row: Row, before: Head) -> Iterator[IntegrityFault]:
    seq, stored, prev, text = row
    if seq != before.seq + 1:
        yield IntegrityFault(seq, f"follows record {before.seq}; {_between(seq, before.seq)}")
    if sha256(text).hexdigest().encode() != stored:
        yield IntegrityFault(seq, "was changed: its hash is not that of its text")
    for flaw in flaws(text):
        yield IntegrityFault(seq, flaw)
    fields = _fields(text)
    if fields.get("seq", seq) != seq:
        yield IntegrityFault(seq, "names another number than the one it is stored under")
    names = fields.get("prev")
    if names is not None and names != before.hash:
        yield IntegrityFault(seq, f"does not name the hash of record {before.seq} before it")
    if names is not None and str(names).encode() != prev:
        yield IntegrityFault(seq, "is stored beside another hash before it than it names")


def _fields(text: bytes) -> Fields:
    try:
        fields = json.loads(text.decode())
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _between(seq: int, before: int) -> str:
    return "what was between is missing" if seq > before else "the order is not that of the numbers"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
