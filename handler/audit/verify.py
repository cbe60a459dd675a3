"""Whether what stands in a log is a whole chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.canonical import canonical, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.audit.record import Record


@dataclass(frozen=True)
class Fault:
    """One place where the chain does not hold.

    Attributes:
        seq: The record's number, as stored.
        message: What is wrong with it.
    """

    seq: int
    message: str

    def __str__(self) -> str:
        return f"record {self.seq}: {self.message}"


@dataclass(frozen=True)
class Verdict:
    """What a walk along the chain found: how far it came, and every fault."""

    head: Head
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def verify(records: Iterable[Record]) -> Verdict:
    """Walk along the chain from its first record and return what was found.

    Memory stays flat but for the faults; the walk goes on after a fault, from what stands there.
    """
    head = Head()
    faults: list[Fault] = []
    for record in records:
        faults.extend(_faults(record, head))
        head = Head(record.seq, record.hash)
    return Verdict(head, tuple(faults))


def _faults(record: Record, before: Head) -> Iterator[Fault]:
    if record.seq != before.seq + 1:
        yield Fault(record.seq, f"follows record {before.seq}; what was between is missing")
    if sha256_hex(record.text) != record.hash:
        yield Fault(record.seq, "was changed: its hash is not that of its text")
    try:
        fields = json.loads(record.text)
        canonical_text = canonical(fields)
    except (ValueError, RecursionError):
        yield Fault(record.seq, "is not canonical JSON")
        return
    if not isinstance(fields, dict):
        yield Fault(record.seq, "is not a JSON object")
        return
    if canonical_text != record.text:
        yield Fault(record.seq, "is not in canonical form")
    if fields.get("seq") != record.seq:
        yield Fault(record.seq, "names another number than the one it is stored under")
    if fields.get("prev") != before.hash:
        yield Fault(record.seq, f"does not name the hash of record {before.seq} before it")
