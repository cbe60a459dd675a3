"""Every fault at every request that the log in objects makes."""

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
from handler.errors import NoAnswerError, NotSentError
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide, View
    from handler.audit.record import Part

KEYS = ("one", "two", "three")
RETRY_POLICY = RetryPolicy(sleep=lambda _seconds: None, chance=lambda: 0.5)


class Killed(BaseException):
    """The instance is killed, at whatever step."""


class FaultInjector:
    """Interferes with one request, by its number from 1.

    Attributes:
        asked: The requests so far.
    """

    def __init__(self, number: int, how: str, other: Callable[[], None]) -> None:
        self.asked: list[str] = []
        self._number = number
        self._how = how
        self._other = other

    def __call__(self, verb: str, name: str, do: Callable[[], None]) -> None:
        """Execute a request, or not, or too late."""
        self.asked.append(f"{verb} {name.partition('/')[0]}")
        if len(self.asked) != self._number:
            do()
            return
        when, what = self._how.split()
        if when == "after":
            do()
        if what == "killed":
            raise Killed
        if what == "overtaken":
            self._other()
            do()
            return
        raise NoAnswerError("lost") if when == "after" else NotSentError("cut")


def work(log: ObjectLog, done: list[str]) -> None:
    """Plan, send and settle three jobs, over several segments; report what is acknowledged."""
    for key in KEYS:
        log.commit(plan(key))
        done.append(f"planned {key}")
        log.commit(settle(key))
        done.append(f"settled {key}")


def plan(key: str) -> Decide[None]:
    """Decide to plan a job, unless it is planned."""
    delivery = {"key": f"d-{key}", "trigger": "direct", "subject": "s"}
    job: Part = {"key": key, "name": key, "type": "app_upgrade", "document": 1}
    planned = Draft("job.planned", "pending", delivery={"key": f"d-{key}"}, job=job, body=key)
    drafts = (Draft("delivery.planned", "pending", delivery=delivery), planned)

    def decide(view: View) -> Decision[None]:
        return Decision(None, () if view.job(key) else drafts)

    return decide


def settle(key: str) -> Decide[None]:
    """Decide that a job was refused, unless it was."""
    draft = Draft("job.refused", "failure", delivery={"key": f"d-{key}"}, job={"key": key})

    def decide(view: View) -> Decision[None]:
        job = view.job(key)
        if job is None:
            raise LookupError(key)
        return Decision(None, () if job.final else (draft,))

    return decide


def opened(bucket: StoredObjects, injector: FaultInjector | None = None) -> ObjectLog:
    """Open a log whose segments take two appends and their end."""
    objects = MemoryObjects(bucket) if injector is None else MemoryObjects(bucket, injector)
    return ObjectLog(objects, limits=SegmentLimits(appends=2), policy=RETRY_POLICY)


def sealed_log() -> StoredObjects:
    """Return a log whose first segment another instance has ended."""
    bucket = StoredObjects()
    with closing(opened(bucket)) as log:
        for _ in range(3):
            log.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))
    return bucket


def requests() -> list[str]:
    """Return the requests of the work when nothing goes wrong."""
    injector = FaultInjector(0, "", lambda: None)
    with closing(opened(sealed_log(), injector)) as log:
        work(log, [])
    return injector.asked


REQUESTS = requests()
HOW = (
    *("before cut", "after lost", "before killed", "after killed"),
    "before overtaken",
)


def test_the_work_makes_every_kind_of_request() -> None:
    """If it did not, the faults below would miss something."""
    assert {
        *("append records", "read records", "read latest", "read snapshots", "write snapshots"),
        *("write latest", "write outbox", "delete outbox"),
    } <= set(REQUESTS)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    "number", range(1, len(REQUESTS) + 1), ids=lambda n: f"{n:02} {REQUESTS[n - 1]}"
)
def test_no_fault_at_a_request_loses_or_doubles_a_record(number: int, how: str) -> None:
    """Acknowledged records are in the log, others can be repeated, in one valid chain."""
    bucket, done = sealed_log(), list[str]()

    def other() -> None:
        with closing(opened(bucket)) as log:
            log.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))

    with closing(opened(bucket, FaultInjector(number, how, other))) as log:
        try:
            work(log, done)
        except Killed:
            assert how.endswith("killed")
    with closing(opened(bucket)) as log:
        found = log.read(lambda view: [view.job(key) for key in KEYS])
        states = dict(zip(KEYS, found, strict=True))
        for message in done:
            word, key = message.split()
            job = states[key]
            assert job
            assert job.final >= (word == "settled")
        for key, job in states.items():
            assert log.bodies([key]).get(key) == (key if job and not job.final else None)
        work(log, done)
        records = list(log.records())
        assert verify(records).whole
        actions = [record.fields["action"] for record in records]
        assert (actions.count("job.planned"), actions.count("job.refused")) == (3, 3)
        log.rebuild()
        left = log.read(lambda view: view.open(9))
        assert (left.deliveries, left.jobs) == ((), ())
