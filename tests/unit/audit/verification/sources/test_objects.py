"""A log in objects, looked through for its verification."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.objects.append_position import Limits
from handler.audit.objects.log import ObjectLog
from handler.audit.record import Draft, Head
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verifier import Evidence, examine
from tests.support.memory_objects import MemoryObjects, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable


def note(shelf: Shelf) -> Head:
    """Record one note and return the head."""
    with closing(ObjectLog(MemoryObjects(shelf), limits=Limits(appends=3))) as log:
        done = log.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))
    return Head(done.records[-1].seq, done.records[-1].hash)


@pytest.fixture
def shelf() -> Shelf:
    """A log of several segments."""
    shelf = Shelf()
    for _ in range(8):
        note(shelf)
    return shelf


def test_it_is_read_when_it_is_first_asked_for(shelf: Shelf) -> None:
    """A head that was noted while it was open is found in it; nothing is read twice."""
    objects = MemoryObjects(shelf)
    with closing(ObjectsSource(objects)) as stored:
        head = note(shelf)
        assert (stored.end(), stored.at(2) != "") == (head, True)
        assert [row[0] for page in stored.pages(8) for row in page] == [9, 10, 11]
        assert len(list(stored.texts_of_action("log.rolled"))) == 2
        assert objects.asked["read"] == 5
        verdict = examine(stored, Evidence(expected=head))
    assert (verdict.status, verdict.head) == (0, head)
    assert objects.closed


@pytest.mark.parametrize("while_reading", ["records/0000000004", "latest"])
def test_a_log_that_grows_while_it_is_read_is_whole(shelf: Shelf, while_reading: str) -> None:
    """Also where a segment ends between two readings, and more of them before the last one."""

    def around(_verb: str, name: str, do: Callable[[], None]) -> None:
        if name == while_reading and len(grown) < 9:
            grown.extend(note(shelf) for _ in range(9))
        do()

    grown: list[Head] = []
    with closing(ObjectsSource(MemoryObjects(shelf, around))) as stored:
        verdict = examine(stored, Evidence())
    assert (verdict.status, verdict.faults) == (2, ())
    assert verdict.head.seq > 10


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(b"", "is gone; restore it"), (b"half a record", "in the middle of a record")],
)
def test_what_is_gone_is_a_fault(shelf: Shelf, spoil: bytes, said: str) -> None:
    """No error: the verdict is that the log is broken."""
    if spoil:
        shelf.objects["records/0000000001"] += spoil
    else:
        del shelf.objects["records/0000000002"]
    with closing(ObjectsSource(MemoryObjects(shelf))) as stored:
        verdict = examine(stored, Evidence())
    assert verdict.status == 1
    assert any(said in str(fault) for fault in verdict.faults)
