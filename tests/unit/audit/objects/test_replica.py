"""What an instance reads of the log in objects, and how it handles unexpected objects."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.format_version import VERSION
from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.objects.record_lines import line_of, lines_of, stored_records
from handler.audit.objects.snapshot import snapshot_name
from handler.audit.record import Draft, Head, seal
from handler.audit.retry_policy import RetryPolicy
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verdict import verify
from handler.audit.verification.verifier import Evidence, verify_log
from handler.errors import (
    LogBrokenError,
    LogError,
    LogUnreachableError,
    NoAnswerError,
    ObjectError,
)
from handler.values.canonical_json import sha256_hex
from tests.support.memory_objects import START, MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide, View
    from handler.audit.record import Part

RUNS = 6
SEGMENT = "records/0000000003"


def ended(key: str) -> Decide[None]:
    """Decide to record a run that is refused at once."""
    about = {"key": f"d-{key}", "trigger": "direct", "subject": "s"}
    job: Part = {"key": f"j-{key}", "name": key, "type": "app_upgrade", "document": 1}
    part: Part = {"key": f"d-{key}"}
    drafts = (
        Draft("delivery.planned", "pending", delivery=about, source={"read_etag": key}),
        Draft("job.planned", "pending", delivery=part, job=job),
        Draft("job.refused", "failure", delivery=part, job=job),
    )
    return lambda _view: Decision(None, drafts)


def ignored(key: str) -> Decide[None]:
    """Decide to record an event that nothing was read for."""
    about = {"key": f"i-{key}", "trigger": "object", "subject": "s"}
    draft = Draft("delivery.ignored", "success", delivery=about)
    return lambda _view: Decision(None, (draft,))


@pytest.fixture
def bucket() -> StoredObjects:
    """A log of three segments; each run is one append, two make a segment."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=2))) as log:
        for number in range(RUNS):
            bucket.seconds += 1
            log.commit(ended(str(number)))
    assert [name for name in bucket.objects if name.startswith("records/")][-1] == SEGMENT
    return bucket


def everything(view: View) -> tuple[object, ...]:
    """Return all that there is."""
    runs = [view.delivery(f"d-{number}") for number in range(RUNS)]
    assert all(runs)
    return (view.head, view.latest_read("s"), *runs)


def seen(bucket: StoredObjects) -> tuple[object, ...]:
    """Return the state of an instance that starts cold."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        return log.read(everything)


def last_object(bucket: StoredObjects, folder: str) -> str:
    """Return the name of the last object in a folder."""
    return max(name for name in bucket.objects if name.startswith(folder))


def test_a_cold_start_reads_little(bucket: StoredObjects) -> None:
    """The pointer, one line, one snapshot, and the records after it."""
    objects, names = MemoryObjects(bucket), list[str]()

    def around(_verb: str, name: str, do: object) -> None:
        names.append(name)
        assert callable(do)
        do()

    objects.around = around
    with closing(ObjectLog(objects)) as log:
        log.read(lambda view: view.head)
    assert names == ["latest", "records/0000000002", last_object(bucket, "snapshots/"), SEGMENT]


def test_a_warm_instance_follows_the_others_into_the_next_segments(bucket: StoredObjects) -> None:
    """With all that they recorded."""
    with closing(ObjectLog(MemoryObjects(bucket))) as warm:
        warm.read(everything)
        with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
            for number in "abc":
                log.commit(ended(number))
        assert warm.read(lambda view: view.job("j-b"))
        assert warm.read(everything) == seen(bucket)


def test_a_closed_run_is_found_behind_later_ignored_events() -> None:
    """Events without an object do not hide it."""
    bucket = StoredObjects()
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=1))) as log:
        log.commit(ended("read"))
        for number in range(6):
            log.commit(ignored(str(number)))
    with closing(ObjectLog(MemoryObjects(bucket))) as cold:
        latest = cold.read(lambda view: view.latest_read("s"))
    assert latest
    assert latest.key == "d-read"


@pytest.mark.parametrize(
    "hint", [b"", b"{", b"[]", b"7", b'{"segment": "x", "version": 1}', None, b"old"]
)
def test_a_pointer_that_is_wrong_only_costs_time(bucket: StoredObjects, hint: bytes | None) -> None:
    """It may be missing, unreadable or old."""
    expected = seen(bucket)
    if hint == b"old":
        hint = json.dumps({"segment": 1, "version": VERSION}).encode()
    if hint is None:
        del bucket.objects["latest"]
    else:
        bucket.objects["latest"] = hint
    assert seen(bucket) == expected


def content_of(data: bytes) -> dict[str, Any]:
    """Return the content of a snapshot."""
    content: dict[str, Any] = json.loads(gzip.decompress(data))
    return content


def encoded(content: dict[str, Any]) -> bytes:
    """Return the bytes of a snapshot."""
    return gzip.compress(json.dumps(content).encode())


@pytest.mark.parametrize("damage", ["missing", "changed", "forged"])
def test_a_snapshot_that_the_chain_does_not_confirm_is_not_used(
    bucket: StoredObjects, damage: str
) -> None:
    """The state is folded from the records; a forged hold is not believed."""
    expected, name = seen(bucket), last_object(bucket, "snapshots/")
    data = bucket.objects.pop(name)
    if damage == "changed":
        bucket.objects[name] = data[:-1]
    if damage == "forged":
        content = content_of(data)
        content["rows"]["switches"] = [["hold", "forged"]]
        bucket.objects[name] = encoded(content)
    assert seen(bucket) == expected
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert log.read(lambda view: view.switch("hold")) == ""


def confirmed(bucket: StoredObjects, data: bytes, operation: str = "snapshot") -> Head:
    """Let the log end with a segment whose last record names some bytes as its snapshot."""
    records = list(stored_records(bucket.objects["records/0000000002"], 0))
    rolled = records[-1].fields
    head = Head(records[-2].seq, records[-2].hash)
    request: Part = {"operation": operation, "digest": sha256_hex(data)}
    draft = Draft("log.rolled", "success", request=request)
    records[-1] = seal(draft, head, at=START, commit=str(rolled["commit"]))
    bucket.objects["records/0000000002"] = lines_of(records)
    bucket.objects[snapshot_name(2)] = data
    del bucket.objects[SEGMENT]
    return Head(records[-1].seq, records[-1].hash)


@pytest.mark.parametrize("operation", ["snapshot", "index"])
@pytest.mark.parametrize("change", [{"version": VERSION + 1}, {"first": 7}, {"version": None}])
def test_a_snapshot_of_other_code_is_not_used(
    bucket: StoredObjects, operation: str, change: dict[str, Any]
) -> None:
    """Even if the chain confirms it: it may be of other tables, or of none."""
    expected = seen(bucket)
    content = content_of(bucket.objects[last_object(bucket, "snapshots/")])
    head = confirmed(bucket, encoded({**content, **change}), operation)
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert log.read(lambda view: view.head) == head
        assert log.read(lambda view: view.delivery("d-3")) in expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        gzip.compress(b"{}")[:-3],
        gzip.compress(b"{}")[:10] + b"\xff" * 9,
        gzip.compress(b"\xff"),
        gzip.compress(b"[" * 100_000),
    ],
    ids=["empty", "not packed", "cut off", "damaged", "no UTF-8", "too deep"],
)
def test_bytes_that_are_no_snapshot_are_not_used(bucket: StoredObjects, data: bytes) -> None:
    """Even if the chain confirms them; the state is folded from the records."""
    expected = seen(bucket)
    head = confirmed(bucket, data)
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert log.read(lambda view: view.head) == head
        assert log.read(lambda view: view.delivery("d-3")) in expected
    with closing(ObjectsSource(MemoryObjects(bucket))) as source:
        assert verify_log(source, Evidence()).head == head


def test_a_log_of_a_later_format_is_refused(bucket: StoredObjects) -> None:
    """Its records would be misread."""
    bucket.objects["latest"] = json.dumps({"segment": 2, "version": VERSION + 1000}).encode()
    with pytest.raises(LogError, match="later Nightdrop"):
        seen(bucket)


def rebuild(bucket: StoredObjects) -> None:
    """Rebuild the state from the records."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        log.rebuild()


@pytest.mark.parametrize("ask", [seen, rebuild])
@pytest.mark.parametrize("others", [True, False])
def test_a_sealed_segment_that_is_missing_is_not_started_again(
    bucket: StoredObjects, ask: Callable[[StoredObjects], object], *, others: bool
) -> None:
    """Its deliveries would be planned again, also where later segments exist."""
    hint = json.dumps({"segment": 1, "version": VERSION}).encode()
    bucket.objects = {"latest": hint, **({SEGMENT: bucket.objects[SEGMENT]} if others else {})}
    with pytest.raises(LogBrokenError, match="records/0000000001 is gone; restore it"):
        ask(bucket)


@pytest.mark.parametrize("ask", [seen, rebuild])
def test_an_ended_segment_that_has_lost_its_end_is_not_continued(
    bucket: StoredObjects, ask: Callable[[StoredObjects], object]
) -> None:
    """What its end recorded would be done again."""
    last_ended = "records/0000000002"
    lines = bucket.objects[last_ended].splitlines(keepends=True)
    bucket.objects[last_ended] = b"".join(lines[:-3])
    del bucket.objects[SEGMENT]
    with pytest.raises(LogBrokenError, match=f"{last_ended} has lost its end; restore it"):
        ask(bucket)


def test_a_missing_segment_is_noticed(bucket: StoredObjects) -> None:
    """By a warm instance that writes there, and by every reader of the records."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        log.read(everything)
        del bucket.objects[SEGMENT]
        with pytest.raises(LogBrokenError, match=f"{SEGMENT} is gone"):
            log.commit(ended("new"))
        del bucket.objects["records/0000000002"]
        with pytest.raises(LogBrokenError, match="records/0000000002 is gone"):
            list(log.records())


def test_a_segment_that_lost_its_end_is_noticed(bucket: StoredObjects) -> None:
    """The next one does not follow; half a record is no end."""
    data = bucket.objects["records/0000000001"]
    bucket.objects["records/0000000001"] = b"".join(data.splitlines(keepends=True)[:-1])
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        with pytest.raises(
            LogBrokenError, match="1 has lost its end, and there is a segment after"
        ):
            list(log.records())
        bucket.objects[SEGMENT] += b"half a rec"
        with pytest.raises(LogBrokenError, match="in the middle of a record"):
            list(log.records())


def test_a_changed_record_stops_the_log(bucket: StoredObjects) -> None:
    """Nothing is decided on it; the verifier says which one it is."""
    bucket.objects[SEGMENT] = bucket.objects[SEGMENT].replace(b"failure", b"success")
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        with pytest.raises(LogBrokenError, match="see `nightdrop audit verify`"):
            log.commit(ended("new"))
        assert "was changed" in str(verify(log.records()).faults[0])


def test_nothing_can_follow_the_end_of_a_segment(bucket: StoredObjects) -> None:
    """A record there is refused nevertheless."""
    records = list(stored_records(bucket.objects["records/0000000002"], 0))
    head = Head(records[-1].seq, records[-1].hash)
    late = seal(Draft("log.noted", "success"), head, at=START, commit="c")
    bucket.objects["records/0000000002"] += line_of(late)
    with (
        closing(ObjectLog(MemoryObjects(bucket))) as log,
        pytest.raises(LogBrokenError, match="has records after its end"),
    ):
        log.rebuild()


def test_half_a_record_is_not_read_yet(bucket: StoredObjects) -> None:
    """The append position is the end of the last complete record."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        head = log.read(lambda view: view.head)
        bucket.objects[SEGMENT] += b"half a rec"
        assert log.read(lambda view: view.head) == head


@pytest.mark.parametrize("number", range(1, 5))
def test_an_aborted_cold_start_is_repeated(bucket: StoredObjects, number: int) -> None:
    """At whichever request the store failed; the same instance then sees everything."""
    expected, asked, broken = seen(bucket), count(1), True

    def around(_verb: str, _name: str, do: Callable[[], None]) -> None:
        if next(asked) >= number and broken:
            raise NoAnswerError("503")
        do()

    policy = RetryPolicy(sleep=lambda _seconds: None)
    with closing(ObjectLog(MemoryObjects(bucket, around), policy=policy)) as log:
        with pytest.raises(LogUnreachableError):
            log.read(everything)
        broken = False
        assert log.read(everything) == expected


def test_a_segment_is_sealed_also_without_a_snapshot(bucket: StoredObjects) -> None:
    """If it cannot be written; a later start reads further back."""
    forbidden = True

    def around(verb: str, name: str, do: Callable[[], None]) -> None:
        if forbidden and verb == "write" and name.startswith(("snapshots/", "latest")):
            raise ObjectError("forbidden")
        do()

    with closing(ObjectLog(MemoryObjects(bucket, around), limits=SegmentLimits(appends=1))) as log:
        for number in "abc":
            log.commit(ended(number))
        assert last_object(bucket, "records/") == "records/0000000006"
        assert last_object(bucket, "snapshots/") == "snapshots/2"
        expected = log.read(everything)
        assert seen(bucket) == expected
        forbidden = False
        log.commit(ended("d"))
        assert last_object(bucket, "snapshots/") == "snapshots/6"
        assert log.read(everything)[1:] != expected[1:]
        assert seen(bucket) == log.read(everything)
        for after in (0, 9, 15, 30):
            assert next(log.records(after)).seq == after + 1
