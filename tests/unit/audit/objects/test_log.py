"""The log in objects: its requests to the store, and its handling of the answers."""

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
from handler.errors import (
    ApiError,
    CredentialsError,
    LogBusyError,
    LogError,
    LogUnreachableError,
    NoAnswerError,
    ObjectError,
)
from tests.support.memory_objects import MemoryObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.errors import CloudError

NOTED = Draft(action="log.noted", outcome="success")
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


def noted(note: str = "") -> Decide[int]:
    """Decide to append one record; the value is the head before it."""
    draft = Draft(action="log.noted", outcome="success", note=note)
    return lambda view: Decision(view.head.seq, (draft,))


def recorded(draft: Draft) -> Decide[None]:
    """Decide to append this."""
    return lambda _view: Decision(None, (draft,))


def planned(key: str, body: str) -> Decide[bool]:
    """Decide to plan a job with a body, unless it is planned."""
    delivery = {"key": "d", "trigger": "direct", "subject": "s"}
    job: Part = {"key": key, "name": key, "type": "app_upgrade", "document": 1}
    draft = Draft("job.planned", "pending", delivery=delivery, job=job, body=body)
    return lambda view: Decision(view.job(key) is None, () if view.job(key) else (draft,))


def test_a_lost_race_leaves_no_body_behind(
    objects: MemoryObjects, log: ObjectLog, other: ObjectLog
) -> None:
    """The body that was written for a lost attempt is removed with it."""
    log.commit(noted())
    other.commit(planned("j", "theirs"))
    log.commit(planned("j", "ours"))
    held = objects.bucket.objects
    assert [held[name] for name in held if name.startswith("outbox/")] == [b'{"j": "theirs"}']


def test_a_commit_of_a_warm_instance_is_one_request(objects: MemoryObjects, log: ObjectLog) -> None:
    """It appends at the end that it knows, without a request before."""
    log.commit(noted())
    objects.asked.clear()
    log.commit(noted())
    assert objects.asked == {"append": 1}


def test_an_instance_that_was_overtaken_decides_again(log: ObjectLog, other: ObjectLog) -> None:
    """On the state with the records of the others."""
    log.commit(noted())
    other.commit(noted())
    assert log.commit(noted()).value == 2
    assert verify(log.records()).head.seq == 3


def test_nothing_to_record_is_decided_on_the_present_state(
    log: ObjectLog, other: ObjectLog
) -> None:
    """The state that this instance knew may have changed: it reads before it answers."""
    log.commit(noted())
    other.commit(planned("j", "{}"))
    assert log.commit(lambda view: Decision(view.job("j") is not None)).value


def test_an_error_comes_from_the_present_state(log: ObjectLog, other: ObjectLog) -> None:
    """A job that was missing before may exist by now."""
    log.commit(noted())
    other.commit(planned("j", "{}"))

    def decide(view: View) -> Decision[str]:
        job = view.job("j")
        if job is None:
            raise LookupError
        return Decision(job.state)

    assert log.commit(decide).value == "planned"


def test_a_lost_race_does_not_overwrite_the_winners_body(log: ObjectLog, other: ObjectLog) -> None:
    """Two instances plan the same job from two versions of a file: its body is the winner's."""
    log.commit(noted())
    assert other.commit(planned("j", "theirs")).value
    assert not log.commit(planned("j", "ours")).value
    assert (log.bodies(["j"]).get("j"), other.bodies(["j"]).get("j")) == ("theirs", "theirs")


def test_bodies_are_removed_when_all_jobs_of_their_commit_are_settled(
    objects: MemoryObjects, log: ObjectLog
) -> None:
    """One object holds those of a commit."""
    log.commit_all([planned("one", "1"), planned("two", "2")])
    bodies = [name for name in objects.bucket.objects if name.startswith("outbox/")]
    for key, held in (("one", 1), ("two", 0)):
        draft = Draft("job.refused", "failure", delivery={"key": "d"}, job={"key": key})
        log.commit(recorded(draft))
        assert sum(name in objects.bucket.objects for name in bodies) == held


def test_the_times_of_records_never_go_back(log: ObjectLog, objects: MemoryObjects) -> None:
    """Whatever the store's clock does."""
    for seconds in (10.0, 5.0, 20.0):
        objects.bucket.seconds = seconds
        log.commit(noted())
    times = [str(record.fields["at"])[17:19] for record in log.records()]
    assert times == ["10", "10", "20"]


def test_a_foreign_object_is_no_lost_race(log: ObjectLog, objects: MemoryObjects) -> None:
    """It is reported at once, by name."""
    objects.write("records/0000000001", b"")
    with pytest.raises(LogError, match="records/0000000001") as caught:
        log.commit(noted())
    assert type(caught.value) is LogError
    assert objects.asked["append"] == 1


def test_an_instance_that_always_loses_gives_up(objects: MemoryObjects, other: ObjectLog) -> None:
    """After its time limit; another delivery may succeed."""

    def around(verb: str, _name: str, do: Callable[[], None]) -> None:
        if verb == "append":
            other.commit(noted())
        do()

    seconds = iter(range(10**6))
    policy = RetryPolicy(20, lambda: next(seconds), lambda _s: None, lambda: 0.5)
    hindered = MemoryObjects(objects.bucket, around)
    with closing(ObjectLog(hindered, policy=policy)) as log:
        with pytest.raises(LogBusyError) as caught:
            log.commit(noted("mine"))
        assert caught.value.retryable
        assert not any("mine" in record.text for record in log.records())


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (NoAnswerError("503"), 7),
        (ApiError("slow down", status=429), 7),
        (ApiError("skewed", status=403), 1),
        (CredentialsError("none"), 1),
    ],
)
def test_a_lasting_error_is_given_up(error: CloudError, tries: int) -> None:
    """After a bounded number of attempts, one where another cannot help; it may pass later."""
    asked: list[str] = []

    def around(verb: str, _name: str, _do: Callable[[], None]) -> None:
        asked.append(verb)
        raise error

    with closing(ObjectLog(MemoryObjects(around=around), policy=RETRY_POLICY)) as log:
        with pytest.raises(LogUnreachableError, match=r"obs://bucket/audit/") as caught:
            log.read(lambda view: view.head)
        assert caught.value.retryable
    assert len(asked) == tries


def test_a_missing_right_is_not_retried() -> None:
    """A retry would change nothing."""

    def around(_verb: str, _name: str, _do: Callable[[], None]) -> None:
        raise ObjectError("allow it")

    with closing(ObjectLog(MemoryObjects(around=around), policy=RETRY_POLICY)) as log:
        with pytest.raises(LogError, match="allow it") as caught:
            log.commit(noted())
        assert not caught.value.retryable


def test_an_append_whose_answer_is_lost_is_found(objects: MemoryObjects) -> None:
    """Even if others appended before it was looked up; it is not decided again."""
    runs: list[int] = []

    def around(verb: str, _name: str, do: Callable[[], None]) -> None:
        do()
        if verb == "append" and len(runs) == 1:
            with closing(ObjectLog(MemoryObjects(objects.bucket))) as other:
                other.commit(noted("theirs"))
            raise NoAnswerError("lost")

    def decide(view: View) -> Decision[int]:
        runs.append(view.head.seq)
        return Decision(len(runs), (NOTED, NOTED))

    with closing(ObjectLog(MemoryObjects(objects.bucket, around), policy=RETRY_POLICY)) as log:
        done = log.commit(decide)
        assert (done.value, runs) == (1, [0])
        assert list(done.records) == list(log.records())[:2]
        assert verify(log.records()).head.seq == 3


def test_records_are_read_from_the_start_of_their_segment(objects: MemoryObjects) -> None:
    """Those before it are not read."""
    with closing(ObjectLog(objects, limits=SegmentLimits(appends=2))) as log:
        for _ in range(20):
            log.commit(noted())
        for after in range(30):
            expected = list(range(after + 1, 30))
            assert [record.seq for record in log.records(after)] == expected
        objects.asked.clear()
        assert [record.seq for record in log.records(27)] == [28, 29]
        assert objects.asked["read"] <= 4


def test_a_closed_log_raises_an_error(log: ObjectLog, objects: MemoryObjects) -> None:
    """Its connections are closed."""
    log.close()
    with pytest.raises(LogError, match="is closed"):
        log.commit(noted())
    assert objects.closed
