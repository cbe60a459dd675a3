"""External evidence: checkpoints and a head noted by hand.

A chain that was rewritten, or cut off at its end, is a valid chain again. The evidence is stored
where the log's owner cannot change it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.audit.checkpoints import signed_note
from handler.audit.checkpoints.checkpoint import Checkpoint, log_origin
from handler.audit.record import Head
from handler.audit.verification.faults import Faults, IntegrityFault
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.audit.checkpoints.signed_note import SignedNote, VerifyKey
    from handler.audit.verification.sources.source import RecordSource

NOTED = "--expect-head"
"""The name of a head that was noted by hand."""


@dataclass(frozen=True, order=True)
class Assertion:
    """One assertion: that the log had a record with this number and hash.

    Attributes:
        name: The checkpoint's name.
        origin: Which log it is of; "" for any.
        at: When it was made, a timestamp; "" if unknown.
    """

    seq: int
    hash: str
    name: str
    origin: str = ""
    at: str = ""


@dataclass
class CheckpointEvidence:
    """All evidence about a log from outside it.

    Attributes:
        keys: Only their signatures count; without keys, signatures are not checked.
        claims: The assertions that count: of checkpoints with a signature by a given key, or of
            all if no key was given, and of a head noted by hand.
        faults: What is wrong with the checkpoints themselves.
        unsigned: The names of those without any signature.
        confirmed: The last claim that agrees with the log, before any that does not.
    """

    keys: Sequence[VerifyKey] = ()
    claims: list[Assertion] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    unsigned: set[str] = field(default_factory=set)
    confirmed: Assertion = Assertion(0, "", "")

    def add_checkpoint(self, name: str, data: bytes) -> None:
        """Add one checkpoint."""
        try:
            signed = signed_note.parse_note(data)
            checkpoint = Checkpoint.of(signed.text)
        except ValueError as error:
            self._add_fault(name, f"cannot be read: {error}")
            return
        if checkpoint.name != name:
            self._add_fault(name, "was changed: it has another checkpoint's name")
            return
        if not signed.signatures:
            self.unsigned.add(name)
        if self.keys and not self._is_signed(name, signed):
            return
        head, at = checkpoint.head, timestamp(checkpoint.at)
        self.claims.append(Assertion(head.seq, head.hash, name, checkpoint.origin, at))

    def _is_signed(self, name: str, signed: SignedNote) -> bool:
        if any(signed_note.is_signed_by(signed, key) for key in self.keys):
            return True
        known = {(key.name, key.key_id) for key in self.keys}
        if any((one.name, one.key_id) in known for one in signed.signatures):
            self._add_fault(name, "is forged: its signature is not valid")
        elif signed.signatures:
            self._add_fault(name, "is signed by a key that was not given")
        return False

    def _add_fault(self, name: str, problem: str) -> None:
        self.faults.add(IntegrityFault(f"the checkpoint {name} {problem}"))

    def conflicts(self, stored: RecordSource, head: Head) -> Iterator[IntegrityFault]:
        """Compare every claim with the log, and yield where they differ; set `confirmed`."""
        own = (
            {"", log_origin(stored.hash_at(1))} if head.seq else {one.origin for one in self.claims}
        )
        claims = sorted(self.claims)
        strange = [one for one in claims if one.origin not in own]
        yield from _first_fault(
            strange, "is of another log: this one was replaced, or is not its own"
        )
        beyond = [one for one in claims if one.origin in own and one.seq > head.seq][::-1]
        seen = beyond[0].seq if beyond else 0
        yield from _first_fault(
            beyond, f"saw {seen} records, and here are {head.seq}: the end is cut off"
        )
        others = []
        for one in claims:
            if one.seq <= head.seq and one.origin in own:
                found = stored.hash_at(one.seq) if one.seq else Head().hash
                if found != one.hash:
                    others.append(one)
                elif not others:
                    self.confirmed = one
        agreed = self.confirmed.seq
        since = f"after record {agreed}" if agreed else "since its beginning"
        yield from _first_fault(
            others, f"saw another record there: the log was rewritten {since}", at=True
        )


def _first_fault(
    claims: Sequence[Assertion], problem: str, *, at: bool = False
) -> Iterator[IntegrityFault]:
    """Yield one fault for several claims with the same conflict; it names the first."""
    if claims:
        first = claims[0]
        name = first.name if first.name == NOTED else f"the checkpoint {first.name}"
        more = f" (and {len(claims) - 1} more)" if len(claims) > 1 else ""
        yield IntegrityFault(f"{name}{more} {problem}", first.seq if at else None)
