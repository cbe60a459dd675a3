"""The conformance probe: a conforming store passes, each broken guarantee is found."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from handler.audit.objects.conformance_probe import probe
from handler.audit.objects.probe_result import PROOF, missing_probe, save_probe_result
from handler.errors import NoAnswerError, ObjectError
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable


def failed(objects: MemoryObjects) -> list[str]:
    """Return the checks that a store fails."""
    return [check.name for check in probe(objects) if not check.passed]


def test_a_conforming_store_passes() -> None:
    """The store is left unchanged."""
    objects = MemoryObjects()
    checks = list(probe(objects))
    assert all(check.passed and check.name and check.meaning for check in checks)
    assert len(checks) == 8
    assert objects.bucket.objects == {}


class Careless(MemoryObjects):
    """Appends wherever it is asked to."""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append, and say that it was the right place."""
        with self.bucket.lock:
            held = self.bucket.objects.get(name, b"")
            return super().append(name, position if not held else len(held), data)


class Forgetful(MemoryObjects):
    """Shows the content before the last change."""

    before: bytes = b""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append, and remember the former content."""
        with self.bucket.lock:
            before = self.bucket.objects.get(name, b"")
            won = super().append(name, position, data)
            self.before = before if won else self.before
            return won

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return the former content."""
        held = super().read(name)
        return None if held is None else self.before[first:]


class Vague(MemoryObjects):
    """Refuses an append to an object that was put, as if another writer had been first."""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append, or say that the position is taken."""
        try:
            return super().append(name, position, data)
        except ObjectError:
            return False


class Torn(MemoryObjects):
    """Shows the first half of an append before the other one."""

    def append(self, name: str, position: int, data: bytes) -> bool:
        """Append in two steps."""
        half = len(data) // 2
        if not super().append(name, position, data[:half]):
            return False
        time.sleep(0.01)
        return super().append(name, position + half, data[half:])


class Short(MemoryObjects):
    """Keeps a mebibyte of anything."""

    def read(self, name: str, first: int = 0) -> bytes | None:
        """Return the beginning."""
        held = super().read(name)
        return None if held is None else held[: 1024 * 1024][first:]


class Sticky(MemoryObjects):
    """Removes nothing."""

    def delete(self, name: str) -> None:
        """Leave it there."""


@pytest.mark.parametrize(
    ("store", "found"),
    [
        (Careless, {"of 16 appends", "an append anywhere"}),
        (Forgetful, {"an append at position 0", "of 16", "a read sees the"}),
        (Torn, {"a read sees whole"}),
        (Vague, {"an append to an object"}),
        (Short, {"large appends", "a read sees whole"}),
        (Sticky, {"an object can be replaced"}),
    ],
)
def test_a_broken_guarantee_is_found(store: type[MemoryObjects], found: set[str]) -> None:
    """Each by the check that is for it."""
    names = failed(store())
    assert all(any(name.startswith(one) for name in names) for one in found)


def test_an_error_of_the_store_is_a_failed_check() -> None:
    """The message has the error."""

    def around(_verb: str, _name: str, _do: Callable[[], None]) -> None:
        raise NoAnswerError("OBS answered 503")

    checks = list(probe(MemoryObjects(around=around)))
    assert {check.found for check in checks} == {"OBS answered 503"}


def test_a_store_causes_a_warning_until_it_was_probed() -> None:
    """The warning names what rests on documentation alone, and what to do about it."""
    objects = MemoryObjects(StoredObjects())
    assert "from the documentation alone" in str(missing_probe(objects))
    assert "nightdrop audit probe obs://bucket/audit/" in str(missing_probe(objects))
    save_probe_result(objects, ["this", "that"])
    assert missing_probe(objects) is None
    proof = json.loads(objects.bucket.objects[PROOF])
    assert proof == {"at": "2026-11-23T02:00:00.000000Z", "passed": ["this", "that"]}


def test_a_probe_result_that_cannot_be_read_is_a_warning() -> None:
    """No error: the log itself may still be usable."""

    def around(_verb: str, _name: str, _do: Callable[[], None]) -> None:
        raise NoAnswerError("503")

    assert "the bucket was probed: 503" in str(missing_probe(MemoryObjects(around=around)))
