"""Verification of a log in objects."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.objects.append_position import ROLLED, SegmentLimits
from handler.audit.objects.log import SNAPSHOT_FOLDERS, ObjectLog
from handler.audit.objects.probe_result import PROOF
from handler.audit.objects.record_lines import line_of
from handler.audit.objects.snapshot import (
    LATEST,
    OPERATION,
    Snapshot,
    decode_pointer,
    encode_pointer,
    snapshot_name,
)
from handler.audit.objects.state_cache import StateCache
from handler.audit.rebuild import rebuild
from handler.audit.record import Draft, Head, seal
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verifier import Evidence, verify_log
from handler.values.canonical_json import moment, sha256_hex
from tests.support.long_log import recording, run_records
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.verification.verdict import Verdict

    Attack = Callable[[StoredObjects], None]

_WHOLE = 6
ADDRESS = "obs://bucket/audit/"
SUBJECT = "obs://nightdrop-drop/drop/0.yaml"


def note(small_bucket: StoredObjects) -> Head:
    """Record one note and return the head."""
    with closing(ObjectLog(MemoryObjects(small_bucket), limits=SegmentLimits(appends=3))) as log:
        done = log.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))
    return Head(done.records[-1].seq, done.records[-1].hash)


@pytest.fixture(scope="module")
def notes() -> StoredObjects:
    """A log of several segments, which no test changes."""
    notes = StoredObjects()
    for _ in range(8):
        note(notes)
    return notes


@pytest.fixture
def small_bucket(notes: StoredObjects) -> StoredObjects:
    """A copy of that log."""
    return notes.copy()


def test_it_is_read_when_it_is_first_asked_for(small_bucket: StoredObjects) -> None:
    """A head that was noted while it was open is found in it; nothing is read twice."""
    objects = MemoryObjects(small_bucket)
    with closing(ObjectsSource(objects)) as stored:
        head = note(small_bucket)
        assert (stored.end(), stored.hash_at(2) != "") == (head, True)
        assert [row[0] for page in stored.pages(8) for row in page] == [9, 10, 11]
        assert len(list(stored.texts_of_action("log.rolled"))) == 2
        assert objects.asked["read"] == 5
        verdict = verify_log(stored, Evidence(expected=head))
    assert (verdict.status, verdict.head) == (0, head)
    assert objects.closed


@pytest.mark.parametrize("while_reading", ["records/0000000004", "latest"])
def test_a_log_that_grows_while_it_is_read_is_valid(
    small_bucket: StoredObjects, while_reading: str
) -> None:
    """Also where a segment is sealed between two readings, and more of them before the last one."""

    def around(_verb: str, name: str, do: Callable[[], None]) -> None:
        if name == while_reading and len(grown) < 9:
            grown.extend(note(small_bucket) for _ in range(9))
        do()

    grown: list[Head] = []
    with closing(ObjectsSource(MemoryObjects(small_bucket, around))) as stored:
        verdict = verify_log(stored, Evidence())
    assert (verdict.status, verdict.faults) == (2, ())
    assert verdict.head.seq > 10


@pytest.mark.parametrize(
    ("damage", "message"),
    [(b"", "is gone; restore it"), (b"half a record", "in the middle of a record")],
)
def test_a_missing_object_is_a_fault(
    small_bucket: StoredObjects, damage: bytes, message: str
) -> None:
    """No error: the verdict is that the log is broken."""
    if damage:
        small_bucket.objects["records/0000000001"] += damage
    else:
        del small_bucket.objects["records/0000000002"]
    with closing(ObjectsSource(MemoryObjects(small_bucket))) as stored:
        verdict = verify_log(stored, Evidence())
    assert verdict.status == 1
    assert any(message in str(fault) for fault in verdict.faults)


@pytest.fixture(scope="module")
def runs() -> StoredObjects:
    """A log of several segments: jobs created, and one job and one delivery that wait."""
    runs = StoredObjects()
    for number in range(8):
        grow(runs, f"{number}", 6)
    grow(runs, "waits", 3)
    grow(runs, "came", 1)
    return runs


@pytest.fixture
def bucket(runs: StoredObjects) -> StoredObjects:
    """A copy of that log."""
    return runs.copy()


def grow(bucket: StoredObjects, salt: str, steps: int) -> None:
    """Record a whole run, or its start."""
    with closing(ObjectLog(MemoryObjects(bucket), limits=SegmentLimits(appends=2))) as log:
        log.commit(recording([*run_records(salt)][:steps]))
        if steps == _WHOLE:
            log.commit(recording(ending(salt)))


def ending(salt: str) -> list[Draft]:
    """Return the records that close a run."""
    *_, created, written = run_records(salt)
    ended = created._replace(action="job.finished", response={"final": "Successful"})
    return [ended, written._replace(delivery={**written.delivery, "shows": 10**6})]


def examined(bucket: StoredObjects, around: Callable[..., None] | None = None) -> Verdict:
    """Verify the log."""
    objects = MemoryObjects(bucket, around) if around else MemoryObjects(bucket)
    with closing(ObjectsSource(objects)) as stored:
        return verify_log(stored, Evidence())


def last(bucket: StoredObjects, folder: str) -> str:
    """Return the name of the last object in a folder; the names of snapshots are used in turn."""
    if folder == "snapshots/":
        return snapshot_name(decode_pointer(bucket.objects[LATEST])[0])
    return max(name for name in bucket.objects if name.startswith(folder))


def exchanged(folder: str) -> Attack:
    """Exchange the last object of a folder by the first one, or by something else."""

    def attack(bucket: StoredObjects) -> None:
        names = sorted(name for name in bucket.objects if name.startswith(folder))
        bucket.objects[last(bucket, folder)] = bucket.objects[names[0]] + b" "

    return attack


def removed(folder: str) -> Attack:
    """Remove the last object of a folder."""

    def attack(bucket: StoredObjects) -> None:
        del bucket.objects[last(bucket, folder)]

    return attack


def with_bodies(change: Callable[[dict[str, str]], dict[str, str]]) -> Attack:
    """Change what the outbox holds."""

    def attack(bucket: StoredObjects) -> None:
        for name, data in bucket.objects.items():
            if name.startswith("outbox/"):
                bucket.objects[name] = json.dumps(change(json.loads(data))).encode()

    return attack


def with_latest(content: bytes) -> Attack:
    """Write something else into `latest`."""
    return lambda bucket: bucket.objects.update(latest=content)


def split(bucket: StoredObjects) -> None:
    """Let the log's first segment end before its end, where an instance would go on."""
    lines = bucket.objects["records/0000000001"].splitlines(keepends=True)
    numbers = [int(name[8:]) for name in bucket.objects if name.startswith("records/")]
    for number in sorted(numbers, reverse=True)[:-1]:
        name = f"records/{number + 1:010}"
        bucket.objects[name] = bucket.objects.pop(f"records/{number:010}")
    bucket.objects["records/0000000001"] = b"".join(lines[:1])
    bucket.objects["records/0000000002"] = b"".join(lines[1:])


def joined(bucket: StoredObjects) -> None:
    """Put the log's last segment at the end of the one before it."""
    bucket.objects[last_but_one(bucket)] += bucket.objects.pop(last(bucket, "records/"))


def last_but_one(bucket: StoredObjects) -> str:
    """Return the name of the last segment but one."""
    return sorted(name for name in bucket.objects if name.startswith("records/"))[-2]


def broken_letter(bucket: StoredObjects) -> None:
    """Exchange a character that stands for an unreadable byte by such a byte."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        log.commit(recording([Draft("log.noted", "success", note="by \N{REPLACEMENT CHARACTER}")]))
    name = last(bucket, "records/")
    bucket.objects[name] = bucket.objects[name].replace(b"\xef\xbf\xbd", b"\xff")


ATTACKS: dict[str, tuple[Attack, str]] = {
    "snapshot exchanged": (exchanged("snapshots/"), "is not the one it names"),
    "snapshot removed": (removed("snapshots/"), "is gone; rebuild"),
    "body exchanged": (
        with_bodies(lambda held: dict.fromkeys(held, "{}")),
        "is not the one recorded; it is not used",
    ),
    "body removed": (with_bodies(lambda _held: {}), "is missing from outbox/"),
    "outbox object removed": (removed("outbox/"), "is missing from outbox/"),
    "outbox object is none": (
        lambda bucket: bucket.objects.update({last(bucket, "outbox/"): b"[" * 9}),
        "is missing from outbox/",
    ),
    "latest beyond the end": (
        with_latest(b'{"segment": 99, "version": 1}'),
        "remove obs://bucket/audit/latest if there was none",
    ),
    "latest is no number": (with_latest(b'{"segment": 1e999, "version": 1}'), "object latest"),
    "latest is endless": (with_latest(b"[" * 100_000), "object latest"),
    "segment split": (split, "0000000001 has lost its end, and there is a segment after it"),
    "segments joined": (joined, "has records after its end"),
    "segment after a gap": (
        lambda bucket: bucket.objects.update({"records/0000000099": b"x"}),
        "records/0000000098 is missing before records/0000000099",
    ),
    "letter exchanged": (broken_letter, "was changed: its hash is not that of its text"),
    "latest is nothing": (with_latest(b"{}"), "object latest"),
}


def test_an_intact_log_has_no_faults(bucket: StoredObjects) -> None:
    """The one whose copies are falsified below."""
    assert examined(bucket).faults == ()


@pytest.mark.parametrize(("attack", "message"), ATTACKS.values(), ids=ATTACKS)
def test_a_falsified_object_is_found(bucket: StoredObjects, attack: Attack, message: str) -> None:
    """Whatever kind of object it is; the fault names it and what to do."""
    attack(bucket)
    verdict = examined(bucket)
    assert verdict.status == 1
    assert any(message in str(fault) for fault in verdict.faults), verdict.faults


def test_a_snapshot_of_another_state_is_found(
    bucket: StoredObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the chain confirms it, because the function wrote it so."""
    real = StateCache.rows

    def falsified(state: StateCache) -> dict[str, list[tuple[Any, ...]]]:
        return {**real(state), "switches": [("hold", "by no operator")], "jobs": []}

    monkeypatch.setattr(StateCache, "rows", falsified)
    grow(bucket, "more", 6)
    grow(bucket, "and more", 6)
    monkeypatch.undo()
    message = "\n".join(map(str, examined(bucket).faults))
    assert "the row of hold in switches is not derived from any record" in message
    assert "in jobs is missing" in message


def rolled(bucket: StoredObjects, change: Callable[[Snapshot], Snapshot]) -> int:
    """End the log's segment with a changed snapshot of its state; return the segment's number."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        log.read(lambda view: view.now)
        replica = log._replica  # noqa: SLF001 - what an attacker can compute
        position = replica.position
        data = change(replica.snapshot()).encode()
    draft = Draft(ROLLED, "success", request={"operation": OPERATION, "digest": sha256_hex(data)})
    record = seal(draft, position.head, at=moment(position.at), commit="ab" * 16)
    bucket.objects[snapshot_name(position.segment)] = data
    bucket.objects[position.name] = bucket.objects.get(position.name, b"") + line_of(record)
    return position.segment


def without_deliveries(snapshot: Snapshot) -> Snapshot:
    """Let every delivery be unknown again."""
    return replace(snapshot, rows={**snapshot.rows, "deliveries": [], "jobs": []})


def test_an_earlier_snapshot_of_another_state_is_found(bucket: StoredObjects) -> None:
    """An honest one came after it; whoever writes `latest` decides which an instance starts at."""
    forged = rolled(bucket, without_deliveries)
    del bucket.objects[LATEST]
    rolled(bucket, lambda snapshot: snapshot)
    bucket.objects[LATEST] = encode_pointer(forged)
    assert any("in deliveries is missing" in str(one) for one in examined(bucket).faults)


@pytest.mark.parametrize(
    "rows",
    [
        *({}, {"outbox": [[[]]]}, [], {"deliveries": [[1]], "outbox": []}),
        {"deliveries": [], "jobs": [], "outbox": [["key", 2**70]]},
    ],
)
def test_a_snapshot_that_holds_no_state_is_found_and_not_used(
    bucket: StoredObjects,
    rows: Any,  # noqa: ANN401 - any JSON
) -> None:
    """Its digest is in the chain; an instance folds the state from the records."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        known = log.read(lambda view: view.open(99))
    segment = rolled(bucket, lambda snapshot: replace(snapshot, rows=rows))
    bucket.objects[LATEST] = encode_pointer(segment)
    assert any("holds no state; rebuild" in str(one) for one in examined(bucket).faults)
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        assert log.read(lambda view: view.open(99)) == known


def test_an_older_snapshot_that_was_replaced_raises_no_alarm(bucket: StoredObjects) -> None:
    """Its name is used again by the segment that ends now; an instance was killed just then."""
    number = decode_pointer(bucket.objects[LATEST])[0] + 1
    bucket.objects[snapshot_name(number)] = b"of the segment that did not end"
    assert examined(bucket).faults == ()


def test_a_leftover_object_is_a_remark(bucket: StoredObjects) -> None:
    """Killed instances leave harmless objects; a foreign one is named."""
    bucket.objects |= {f"{folder}/9": b"" for folder in ("index", "closed", "snapshots")}
    bucket.objects |= {"outbox/0123": b"{}", "notes\x1b.txt": b"", "records/1.bak": b""}
    verdict = examined(bucket)
    message = "\n".join(verdict.remarks)
    assert (verdict.status, verdict.faults) == (2, ())
    assert "1 objects below outbox/ are not referred to" in message
    for folder in ("index", "closed", "snapshots"):
        assert f"1 objects below {folder}/" in message
    assert "not part of the log is in its folder: notes\\x1b.txt" in message
    assert "not part of the log is in its folder: records/1.bak" in message


def test_the_proof_of_a_probe_is_one_of_the_logs_own_objects(bucket: StoredObjects) -> None:
    """`audit probe` wrote it there."""
    bucket.objects[PROOF] = b"{}"
    assert not any("not part of the log" in remark for remark in examined(bucket).remarks)


def test_an_object_that_is_removed_during_the_check_raises_no_alarm(bucket: StoredObjects) -> None:
    """Its body is removed between the reading of the records and that of the outbox."""

    def around(_verb: str, name: str, do: Callable[[], None]) -> None:
        if name.startswith("outbox/") and not settled:
            settled.append(name)
            with closing(ObjectLog(MemoryObjects(bucket))) as log:
                log.commit(recording(list(run_records("waits"))[3:]))
        do()

    settled: list[str] = []
    assert examined(bucket, around).faults == ()
    assert settled


def test_everything_is_rebuilt_from_the_records(bucket: StoredObjects) -> None:
    """With a record of its own; the next cold start reads the new snapshot and little else."""
    exchanged("snapshots/")(bucket)
    bucket.objects |= {"index/1": b"old", "closed/1": b"old"}
    before = {name: data for name, data in bucket.objects.items() if name.startswith("records/")}
    done = rebuild(
        ADDRESS,
        actor={"name": "me"},
        evidence=Evidence(),
        folders=lambda _bucket, _folder: MemoryObjects(bucket),
    )
    assert (done.fields["action"], done.fields["actor"]) == ("log.rebuilt", {"name": "me"})
    assert all(bucket.objects[name].startswith(data) for name, data in before.items())
    assert examined(bucket).faults == ()
    assert len([name for name in bucket.objects if name.startswith(SNAPSHOT_FOLDERS)]) == 1
    objects = MemoryObjects(bucket)
    with closing(ObjectLog(objects)) as log:
        assert len(log.read(lambda view: view.open(9).jobs)) == 1
    assert objects.asked["read"] < 6


def test_a_running_instance_continues_after_a_rebuild(bucket: StoredObjects) -> None:
    """It need not be started again."""
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        known = log.read(lambda view: view.latest_run(SUBJECT))
        rebuild(
            ADDRESS,
            actor={},
            evidence=Evidence(),
            folders=lambda _bucket, _folder: MemoryObjects(bucket),
        )
        again = log.commit(lambda view: Decision(view.latest_run(SUBJECT))).value
    assert known
    assert again == known
