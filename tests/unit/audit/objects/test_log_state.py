"""The state in the log in objects is that of its records, whatever snapshots were in between."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.objects.snapshot import (
    KEPT_SNAPSHOTS,
    LATEST,
    decode_pointer,
    snapshot_name,
)
from handler.audit.record import Draft, Head, part
from handler.audit.retention import forget_closed
from handler.audit.state import DeliveryState
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verdict import verify
from handler.audit.verification.verifier import Evidence, verify_log
from tests.support.depth import examples
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from handler.audit.log import Decide, View
    from handler.audit.record import Part, Record


Question: TypeAlias = "tuple[str, str | tuple[str, ...]]"

NAMES = ("a", "b", "c", "d", "e")
SUBJECTS = ("obs://b/one", "obs://b/two")
WORDS = (
    *("over", "over", "over", "received", "planned", "rejected", "ignored", "reported"),
    *("created", "refused", "unknown", "finished", "again", "forgotten"),
)
DAY = 86_400


def delivery_of(name: str) -> Part:
    """Return the part about a delivery; most are of one subject."""
    trigger = "object" if name == "a" else "direct"
    return {"key": name, "trigger": trigger, "subject": SUBJECTS[name == "e"], "digest": name}


def job_draft(word: str, name: str, response: Part | None = None, body: str | None = None) -> Draft:
    """Return a record about the job of a delivery."""
    job: Part = {"key": f"j-{name}", "name": name, "type": "app_upgrade", "document": 1}
    request: Part = {"attempt": 1, "date": "2026", "lease_until": "2027"}
    return Draft(
        action=f"job.{word}",
        outcome="success",
        delivery={"key": name},
        job=job,
        request=request if word == "sending" else {},
        response=response or {},
        body=body,
    )


RESPONSES: dict[str, tuple[str, str]] = {
    "finished": ("finished", "final"),
    "created": ("created", "job_id"),
    "again": ("created", "job_id"),
}


def drafts(word: str, name: str, view: View) -> tuple[Draft, ...]:
    """Return the records of a step."""
    if word == "forgotten":
        return forget_closed(timedelta(days=2))(view).drafts
    seen = view.delivery(name)
    if word in {"received", "rejected", "repeated", "ignored"}:
        if word == "received" and seen:
            word = "repeated"  # with a body, a delivery is received once
        body = "{}" if word == "received" else None
        return (Draft(f"delivery.{word}", "pending", delivery=delivery_of(name), body=body),)
    if word in {"planned", "over"} and (seen is None or seen.state == "received"):
        read: Part = {"read_etag": name}
        plan = Draft("delivery.planned", "pending", delivery=delivery_of(name), source=read)
        over = (job_draft("refused", name),) if word == "over" else ()
        return plan, job_draft("planned", name, body=f'"{name}"'), *over
    if seen is None or word in {"planned", "over"}:
        return ()
    if word == "reported":
        return (Draft("result.written", "success", delivery={"key": name, "shows": seen.changed}),)
    action, field = RESPONSES.get(word, (word, ""))
    return (job_draft(action, name, {field: f"{word}-{name}"} if field else {}),)


def step(word: str, name: str) -> Decide[None]:
    """Return the decision of a step."""
    return lambda view: Decision(None, drafts(word, name, view))


QUESTIONS: tuple[Question, ...] = (
    *(("latest_run", subject) for subject in SUBJECTS),
    *(("latest_read", subject) for subject in SUBJECTS),
    *(("jobs_by_id", (f"created-{name}",)) for name in NAMES),
    *(("job", f"j-{name}") for name in NAMES),
    *(("delivery", name) for name in NAMES),
)
STEPS = st.tuples(
    st.sampled_from(WORDS),
    st.sampled_from(NAMES),
    st.sampled_from((1, 1, 3 * DAY)),
    st.sampled_from((None, *QUESTIONS)),
)
ORDERS = st.permutations(QUESTIONS)


def delivery_key(record: Record) -> object:
    """Return the key of the delivery that a record is about."""
    return part(record.fields, "delivery").get("key")


def asked(log: ObjectLog, question: Question) -> object:
    """Return the answers of a log."""
    verb, name = question
    return log.read(lambda view: getattr(view, verb)(name))


def open_work(view: View) -> tuple[object, ...]:
    """Return the open work, but for the results, which are given up in time."""
    left = view.open(99)
    return left.deliveries, left.jobs, left.followed


@settings(max_examples=examples(120), deadline=None)
@given(st.lists(STEPS, min_size=4, max_size=40), st.integers(1, 3), ORDERS)
def test_the_state_is_that_of_the_records(
    steps: list[tuple[str, str, int, Question | None]], appends: int, order: list[Question]
) -> None:
    """By the writer, by an instance that starts cold, and after a rebuild: the same answers."""
    bucket = StoredObjects()
    with (
        closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends))) as log,
        closing(ObjectLog(MemoryObjects(bucket))) as cold,
        closing(ObjectLog(MemoryObjects(bucket))) as folded,
    ):
        for word, name, seconds, question in steps:
            bucket.seconds += seconds
            log.commit(step(word, name))
            if question:
                asked(log, question)
        folded.rebuild()
        for question in order:
            expected = asked(folded, question)
            assert (question, asked(log, question)) == (question, expected)
            assert (question, asked(cold, question)) == (question, expected)
        assert log.read(open_work) == cold.read(open_work) == folded.read(open_work)
        keys = [*NAMES, *(f"j-{name}" for name in NAMES)]
        assert log.bodies(keys) == cold.bodies(keys) == folded.bodies(keys)
        assert verify(log.records()).whole
        with closing(ObjectsSource(MemoryObjects(bucket))) as source:
            assert verify_log(source, Evidence()).faults == ()
        records = list(log.records())
        for name in NAMES:
            expected_records = [one for one in records if delivery_key(one) == name]
            for one in (log, cold, folded):
                known = one.read(lambda view: view.delivery(name))  # noqa: B023 - read at once
                first = known.first_seq if known else 0
                found = list(one.records_of({name}))
                # Of a delivery that was forgotten, a segment may also have older records.
                assert found == expected_records[-len(found) :] if found else not known
                assert not known or found[0].seq <= first
                matches = one.read(lambda view: view.find(name))  # noqa: B023 - read at once
                assert (name in {run.key for run in matches}) == bool(known)
        head = Head(records[-1].seq, records[-1].hash) if records else Head()
        ends = (records[0] if records else None, head)
        for one in (log, cold, folded):
            assert one.read(lambda view: (view.first, view.head)) == ends


def test_a_cold_instance_makes_the_same_requests_for_every_question() -> None:
    """All that is remembered is in the snapshot."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=4))) as log:
        for name in ("b", "c", "e"):
            for word in ("planned", "refused"):
                log.commit(step(word, name))
        log.commit(step("planned", "a"))
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
        objects.asked.clear()
        assert log.read(lambda view: view.delivery("never"), fresh=False) is None
        assert log.read(lambda view: view.job("j-b"), fresh=False)
        assert objects.asked == {}


@pytest.fixture
def bucket() -> StoredObjects:
    """A log in which `b`, then `c`, ended refused, each in a segment of its own."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
        for name in ("b", "c", "e"):
            bucket.seconds += 1
            log.commit(step("over", name))
    assert sum(name.startswith("snapshots/") for name in bucket.objects) == 2
    return bucket


def test_the_latest_run_of_a_subject_is_not_the_one_that_was_read_last(
    bucket: StoredObjects,
) -> None:
    """The older run was asked for by its key before."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert asked(log, ("delivery", "b"))
        latest = asked(log, ("latest_read", SUBJECTS[0]))
    assert isinstance(latest, DeliveryState)
    assert latest.key == "c"


def test_a_late_answer_does_not_hide_the_newer_run(bucket: StoredObjects) -> None:
    """The older run is open to change again; the newer one is still the latest."""
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
        log.commit(step("created", "b"))
        log.commit(step("over", "e"))
        log.commit(step("created", "e"))
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        latest, run = (asked(log, (verb, SUBJECTS[0])) for verb in ("latest_read", "latest_run"))
    assert isinstance(latest, DeliveryState)
    assert isinstance(run, DeliveryState)
    assert (latest.key, run.key) == ("c", "b")


def test_the_latest_run_may_be_in_neither_the_first_nor_the_last_segment(
    bucket: StoredObjects,
) -> None:
    """The newest left nothing on the fleet; an old one was asked for by its key."""
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
        for name in ("b", "c"):
            log.commit(step("created", name))
            log.commit(step("finished", name))
        bucket.seconds += 1
        log.commit(step("over", "d"))
        log.commit(step("created", "e"))
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        asked(log, ("delivery", "b"))
        run = asked(log, ("latest_run", SUBJECTS[0]))
    assert isinstance(run, DeliveryState)
    assert run.key == "c"


def test_a_warm_instance_survives_a_rebuild_by_another(bucket: StoredObjects) -> None:
    """`nightdrop audit rebuild` deletes the snapshot that it started from."""
    with (
        closing(ObjectLog(MemoryObjects(bucket))) as warm,
        closing(ObjectLog(MemoryObjects(bucket))) as other,
    ):
        warm.read(lambda view: view.head)
        other.rebuild_snapshot()
        assert warm.read(lambda view: view.delivery("b"), fresh=False)


def test_old_snapshots_are_replaced() -> None:
    """Together they would grow with the square of the log."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
        for number in range(2 * KEPT_SNAPSHOTS):
            log.commit(_noted(str(number)))
        expected = log.read(lambda view: view.head)
    names = [name for name in bucket.objects if name.startswith("snapshots/")]
    assert len(names) == KEPT_SNAPSHOTS
    with closing(ObjectLog(MemoryObjects(bucket))) as again:
        assert again.read(lambda view: view.head) == expected


def test_a_cold_start_uses_the_snapshot_before_one_that_was_replaced() -> None:
    """It reads one segment more, and not the whole log."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=2))) as log:
        for number in range(30):
            log.commit(_noted(str(number)))
    segment = decode_pointer(bucket.objects[LATEST])[0]
    bucket.objects[snapshot_name(segment)] = b"of another segment"
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as again:
        again.read(lambda view: view.head)
    assert objects.asked["read"] < 10


def _noted(note: str) -> Decide[None]:
    draft = Draft("log.noted", "success", note=note)
    return lambda _view: Decision(None, (draft,))
