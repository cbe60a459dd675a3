"""Checkpoints: the head of the log, signed and kept outside, so that its end cannot be cut off.

Source: C2SP "tlog-checkpoint" (c2sp.org/tlog-checkpoint): origin, size and hash on three lines,
then lines of our own. The hash is that of the last record of a chain, not of a Merkle tree. The
origin holds the hash of the first record: another database is another log.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from handler.audit.checkpoints import signed_note
from handler.audit.log import Decision
from handler.audit.record import Draft, Head
from handler.values.canonical_json import LARGEST_INTEGER, moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from handler.audit.log import Decide

SUFFIX = ".checkpoint"

LONGEST = 65_536
"""Bytes, more than any checkpoint has."""

_ORIGIN = "nightdrop.log/"
_LINES = 4
_MOST_READ = 3
_NAMED_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Checkpoint:
    """What a log was at a moment.

    Attributes:
        origin: Which log: `nightdrop.log/` and the hash of its first record.
        head: Its last record.
        at: When, aware.
    """

    origin: str
    head: Head
    at: datetime

    @property
    def name(self) -> str:
        """A name that no other checkpoint has, in the order of sizes."""
        return f"{self.head.seq:012d}-{self.head.hash[:16]}-{self.at:{_NAMED_TIME}}{SUFFIX}"

    @property
    def text(self) -> str:
        """The text that is signed."""
        head_hash = base64.b64encode(bytes.fromhex(self.head.hash)).decode()
        return f"{self.origin}\n{self.head.seq}\n{head_hash}\nat {timestamp(self.at)}\n"

    @staticmethod
    def of(text: str) -> Checkpoint:
        """Return the checkpoint that a note's text holds.

        Raises:
            ValueError: It holds none.
        """
        lines = text.splitlines()
        if len(lines) != _LINES or not lines[3].startswith("at "):
            raise ValueError("no checkpoint: origin, size, hash and time on four lines")
        try:
            head_hash = base64.b64decode(lines[2], validate=True).hex()
        except binascii.Error as error:
            raise ValueError("no checkpoint: its hash is not base64") from error
        size = int(lines[1])
        if not 0 < size <= LARGEST_INTEGER:
            raise ValueError("no checkpoint: its size is not that of any log")
        checkpoint = Checkpoint(lines[0], Head(size, head_hash), moment(lines[3][3:]))
        if checkpoint.text != text:
            raise ValueError("no checkpoint: it is spelt otherwise than checkpoints are")
        return checkpoint


class CheckpointStore(Protocol):
    """Where checkpoints are kept, outside the log: written once, never changed."""

    def put(self, name: str, data: bytes) -> None:
        """Write a new checkpoint.

        Raises:
            OSError: It cannot be written.
            CloudError: It cannot be written.
        """

    def names(self, after: str = "") -> Iterator[str]:
        """Yield the names of all that are kept and that follow a text, in their order."""

    def get(self, name: str) -> bytes:
        """Return one of them."""


def log_origin(first_hash: str) -> str:
    """Return the origin of the log whose first record has this hash."""
    return f"{_ORIGIN}{first_hash}"


def ahead_of(origin: str, head: Head, since: datetime, store: CheckpointStore) -> Checkpoint | None:
    """Return a checkpoint of a log that is of a later record than its last one; None if none is.

    Few are read: a place is meant for one log, and those of the log before it are older.

    Args:
        origin: The log.
        head: Its last record.
        since: Checkpoints from before this, aware, do not count.
        store: Where they are kept.

    Raises:
        OSError: They cannot be read.
        CloudError: They cannot be read.
    """
    larger = store.names(after=f"{head.seq:012d}-~")
    time = f"{since:{_NAMED_TIME}}"
    later = (name for name in larger if name.removesuffix(SUFFIX).rpartition("-")[2] > time)
    for name in islice(later, _MOST_READ):
        try:
            found = Checkpoint.of(signed_note.parse_note(store.get(name)).text)
        except ValueError:
            continue
        if found.origin == origin and found.name == name:
            return found
    return None


def written(checkpoint: Checkpoint, key: signed_note.SigningKey | None) -> bytes:
    """Return a checkpoint as it is kept: signed, or, without a key, with nothing under it."""
    signed = (
        signed_note.signed(checkpoint.text, key) if key else signed_note.SignedNote(checkpoint.text)
    )
    return str(signed).encode()


def checkpointed(checkpoint: Checkpoint, signer: str, error: str) -> Decide[None]:
    """Decide to record that a checkpoint was written, or why it was not."""
    unsigned = "" if signer else "unsigned: no NIGHTDROP_CHECKPOINT_KEY is set"
    draft = Draft(
        action="log.checkpoint_failed" if error else "log.checkpointed",
        outcome="failure" if error else "success",
        checkpoint={
            "size": checkpoint.head.seq,
            "head": checkpoint.head.hash,
            "name": checkpoint.name,
            "signer": signer or None,
        },
        note=error or unsigned,
    )
    return lambda _view: Decision(None, (draft,))
