"""Bodies beside the chain, a commit at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.objects.outbox import Outbox
from handler.errors import NoAnswerError
from tests.support.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def objects() -> MemoryObjects:
    """An empty folder."""
    return MemoryObjects()


def outbox(objects: MemoryObjects) -> Outbox:
    """Return an outbox in a folder that tries everything once."""
    return Outbox(objects, lambda work: work())


def test_a_commits_bodies_are_one_object(objects: MemoryObjects) -> None:
    """Another instance finds them there, and reads them once."""
    outbox(objects).put("c", {"one": "1", "two": "2 ☃"})
    other = outbox(objects)
    objects.asked.clear()
    assert [other.get("c", key) for key in ("one", "two", "none")] == ["1", "2 ☃", None]
    assert objects.asked == {"read": 1}


def test_a_commit_without_bodies_needs_no_object(objects: MemoryObjects) -> None:
    """Most have none."""
    outbox(objects).put("c", {})
    assert objects.asked == {}


def test_a_removed_body_is_removed_for_all_instances(objects: MemoryObjects) -> None:
    """No instance finds it."""
    mine = outbox(objects)
    mine.put("c", {"a": "1"})
    mine.drop("c")
    assert (mine.get("c", "a"), objects.bucket.objects) == (None, {})


def test_a_body_that_cannot_be_removed_does_no_harm(objects: MemoryObjects) -> None:
    """It stays."""

    def around(_verb: str, _name: str, _do: Callable[[], None]) -> None:
        raise NoAnswerError("503")

    outbox(objects).put("c", {"a": "1"})
    outbox(MemoryObjects(objects.bucket, around)).drop("c")
    assert len(objects.bucket.objects) == 1


def test_an_instance_remembers_a_few_commits(objects: MemoryObjects) -> None:
    """The others it reads again."""
    mine = outbox(objects)
    for number in range(20):
        mine.put(str(number), {"a": str(number)})
    assert [mine.get(str(number), "a") for number in range(20)] == [*map(str, range(20))]
    assert objects.asked["read"] >= 12


@pytest.mark.parametrize("data", [b"", b"[1]", b"\xff", b"7", b"{", b'{"a": 7}'])
def test_what_is_unreadable_in_the_outbox_is_gone(objects: MemoryObjects, data: bytes) -> None:
    """One damaged object stops no other work; `audit verify` tells of it."""
    objects.write("outbox/c", data)
    assert outbox(objects).get("c", "a") is None
