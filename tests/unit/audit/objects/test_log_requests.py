"""How few requests the log in objects makes, and when it must make one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.record import Draft
from handler.audit.retry_policy import RetryPolicy
from handler.audit.verification.verdict import verify
from handler.errors import LogUnreachableError, NoAnswerError
from tests.support.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.log import Decide
    from handler.audit.record import Part

RETRY_POLICY = RetryPolicy(sleep=lambda _seconds: None, chance=lambda: 0.5)


@pytest.fixture
def objects() -> MemoryObjects:
    """An empty folder."""
    return MemoryObjects()


@pytest.fixture
def log(objects: MemoryObjects) -> Iterator[ObjectLog]:
    """A log in the folder that does not really wait."""
    with closing(ObjectLog(objects, policy=RETRY_POLICY)) as opened:
        yield opened


@pytest.fixture
def other(objects: MemoryObjects) -> Iterator[ObjectLog]:
    """Another instance's log in the same folder."""
    with closing(ObjectLog(MemoryObjects(objects.bucket), policy=RETRY_POLICY)) as opened:
        yield opened


def noted() -> Decide[None]:
    """Decide to append a record."""
    draft = Draft(action="log.noted", outcome="success")
    return lambda _view: Decision(None, (draft,))


def planned(*keys: str) -> Decide[None]:
    """Decide to plan jobs, each with a body."""
    drafts = tuple(_planned_job(key) for key in keys)
    return lambda _view: Decision(None, drafts)


def _planned_job(key: str) -> Draft:
    delivery = {"key": "d", "trigger": "direct", "subject": "s"}
    job: Part = {"key": key, "name": key, "type": "app_upgrade", "document": 1}
    return Draft("job.planned", "pending", delivery=delivery, job=job, body=f"body of {key}")


def test_reading_the_known_state_makes_no_request(
    objects: MemoryObjects, log: ObjectLog, other: ObjectLog
) -> None:
    """It has this instance's commits; those of others once it reads the log again."""
    log.commit(noted())
    other.commit(noted())
    log.commit(noted())
    other.commit(noted())
    objects.asked.clear()
    assert log.read(lambda view: view.head.seq, fresh=False) == 3
    assert objects.asked == {}
    assert log.read(lambda view: view.head.seq) == 4
    assert log.read(lambda view: view.head.seq, fresh=False) == 4
    assert objects.asked == {"read": 1}


def test_an_instance_without_a_state_reads_first(log: ObjectLog, other: ObjectLog) -> None:
    """Whatever it was called for."""
    other.commit(noted())
    assert log.read(lambda view: view.head.seq, fresh=False) == 1


def test_after_a_commit_with_an_unknown_result_it_reads(
    objects: MemoryObjects, log: ObjectLog
) -> None:
    """The records may be in the log, and then this instance has written them."""
    log.commit(noted())
    lost = True

    def around(verb: str, _name: str, do: Callable[[], None]) -> None:
        do()
        if lost:
            raise NoAnswerError(f"{verb} got no answer")

    objects.around = around
    with pytest.raises(LogUnreachableError):
        log.commit(noted())
    lost = False
    assert log.read(lambda view: view.head.seq, fresh=False) == 2


def test_the_end_of_a_segment_is_not_read_back(objects: MemoryObjects) -> None:
    """Its index is what this instance has just written."""
    with closing(ObjectLog(objects, limits=SegmentLimits(appends=3))) as log:
        log.commit(planned("j"))
        for _ in range(12):
            objects.asked.clear()
            log.commit(noted())
            assert "read" not in objects.asked
        assert log.read(lambda view: view.job("j"))
        assert verify(log.records()).head.seq == 17


def test_bodies_of_one_plan_are_read_together(objects: MemoryObjects, log: ObjectLog) -> None:
    """However many its jobs are, and in whatever order they are asked for."""
    plans = [[f"{letter}{number}" for number in range(20)] for letter in "abcdefghijkl"]
    for plan in plans:
        log.commit(planned(*plan))
    with closing(ObjectLog(objects)) as cold:
        cold.read(lambda view: view.head)
        objects.asked.clear()
        keys = [key for together in zip(*plans, strict=True) for key in together]
        assert cold.bodies(keys) == {key: f"body of {key}" for key in keys}
        assert objects.asked == {"read": len(plans)}
