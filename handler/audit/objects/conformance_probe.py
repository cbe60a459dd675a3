"""Tests a real object store for the guarantees that the log in objects relies on.

The checks run one after the other, some with many requests at once, on objects of their own, which
they delete.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from handler.errors import CloudError, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.objects.object_store import ObjectStore

WRITERS = 16
"""The number of concurrent appends."""

_ROUNDS = 8
_APPENDS = 40
_LARGE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Check:
    """One guarantee, and whether it holds.

    Attributes:
        name: The guarantee.
        meaning: What the log needs it for.
        found: What happened instead; "" if it holds.
    """

    name: str
    meaning: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return not self.found


def probe(objects: ObjectStore) -> Iterator[Check]:
    """Run all checks and yield each one when it is done."""
    for name, meaning, attempt in _CHECKS:
        probed = _ProbeObject(objects, f"probe/{uuid.uuid4().hex}")
        try:
            found = attempt(probed)
        except CloudError as error:
            found = str(error)
        probed.clear()
        yield Check(name, meaning, found)


class _ProbeObject:
    """The object that a check works on."""

    def __init__(self, objects: ObjectStore, name: str) -> None:
        self.objects = objects
        self.name = name

    def append(self, position: int, data: bytes) -> bool:
        return self.objects.append(self.name, position, data)

    def read(self, first: int = 0) -> bytes | None:
        return self.objects.read(self.name, first)

    def race(self, position: int, number: int) -> list[bytes]:
        """Append at one position from many threads; return the data of those that succeeded."""
        texts = [f"{number:04} {writer:04}\n".encode() for writer in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as threads:
            won = list(threads.map(lambda text: self.append(position, text), texts))
        return [text for text, one in zip(texts, won, strict=True) if one]

    def clear(self) -> None:
        try:
            self.objects.delete(self.name)
        except CloudError:
            return  # a small object is left; the result of the check is not affected


def _creates(probed: _ProbeObject) -> str:
    if not probed.append(0, b"one\n"):
        return "the first append, at position 0, was refused"
    found = probed.read()
    return "" if found == b"one\n" else f"{_size(found)} of the 4 appended bytes were read"


def _one_wins(probed: _ProbeObject) -> str:
    expected = b""
    for number in range(_ROUNDS):
        won = probed.race(len(expected), number)
        if len(won) != 1:
            return f"in round {number + 1}, {len(won)} of {WRITERS} appends succeeded"
        expected += won[0]
        if probed.read() != expected:
            return f"after round {number + 1}, the object does not hold the data of the winner"
    return ""


def _other_positions(probed: _ProbeObject) -> str:
    probed.append(0, b"0123456789")
    for position, where in ((0, "at its beginning"), (5, "within it"), (11, "after its end")):
        if probed.append(position, b"x"):
            return f"an append {where} was accepted"
    return "" if probed.read() == b"0123456789" else "a refused append changed the object"


def _put_refuses(probed: _ProbeObject) -> str:
    probed.objects.write(probed.name, b"put")
    try:
        won = probed.append(3, b"x")
    except ObjectError:
        return ""
    what = "accepted" if won else "refused like a conflict: a commit would retry it forever"
    return f"an append to an object that was put is {what}"


def _read_sees(probed: _ProbeObject) -> str:
    position = 0
    for number in range(_APPENDS):
        line = f"{number:04}\n".encode()
        if probed.read(position) not in {None, b""}:
            return "a read after the end returned data"
        if not probed.append(position, line):
            return f"append {number + 1} at the object's end was refused"
        if probed.read(position) != line:
            return f"a read right after append {number + 1} did not return what was appended"
        position += len(line)
    return "" if probed.read(-5) == line else "a read of the last bytes returned other bytes"


def _whole_appends(probed: _ProbeObject) -> str:
    size, over = _LARGE // 8, Event()
    position = size
    probed.append(0, b"x" * size)

    def watch() -> str:
        while not over.is_set():
            seen = probed.read(size)
            if len(seen or b"") % size:
                return f"a reader saw {len(seen or b'')} bytes: a part of an append"
        return ""

    with ThreadPoolExecutor(1) as threads:
        watching = threads.submit(watch)
        try:
            for _ in range(7):
                probed.append(position, b"x" * size)
                position += size
        finally:
            over.set()
        torn = watching.result()
    return torn or ("" if probed.read() == b"x" * position else "some of the data was missing")


def _large(probed: _ProbeObject) -> str:
    data = bytes(range(256)) * (_LARGE // 256)
    probed.append(0, data)
    probed.append(len(data), data)
    found = probed.read()
    return "" if found == data * 2 else f"{_size(found)} of {2 * _LARGE} bytes were read"


def _replaces(probed: _ProbeObject) -> str:
    for text in (b"one", b"two"):
        probed.objects.write(probed.name, text)
        if probed.read() != text:
            return "a read right after a write returned something else"
    probed.objects.delete(probed.name)
    probed.objects.delete(probed.name)
    return "" if probed.read() is None else "an object could be read after it was deleted"


def _size(data: bytes | None) -> str:
    return "no bytes" if data is None else f"{len(data)} bytes"


_CHECKS: tuple[tuple[str, str, Callable[[_ProbeObject], str]], ...] = (
    ("an append at position 0 creates an object", "the log creates its first segment", _creates),
    (
        f"of {WRITERS} appends at one position, exactly one succeeds",
        "two instances cannot both append after the same record: the chain has no forks",
        _one_wins,
    ),
    (
        "an append anywhere except at the end is refused",
        "an instance that knows an old end of the log learns that it is old",
        _other_positions,
    ),
    (
        "an append to an object that was put is an error, not a conflict",
        "a file in the place of a segment is reported, not retried forever",
        _put_refuses,
    ),
    (
        "a read sees the append before it",
        "after a lost answer, reading shows whether the record is in the log",
        _read_sees,
    ),
    ("a read sees whole appends", "no decision is made on half a commit", _whole_appends),
    ("large appends are read back unchanged", "a plan of thousands of jobs is one commit", _large),
    (
        "an object can be replaced and deleted",
        "bodies of settled jobs are deleted, and the latest snapshot is found",
        _replaces,
    ),
)
