"""The bucket scan: bounded, resumed where it stopped, and not misled by unread files."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.obs.client import Obs
from handler.deliveries import bucket_scan as module
from handler.emulator.obs import listing
from handler.invocation.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
RECONCILE = {"action": "reconcile"}
BUCKET = "nightdrop-drop"


def written(emulator: Emulator, at: float, *keys: str) -> None:
    """Set the write time of all objects, in seconds since 1970."""
    for key in keys:
        emulator.state.put_object(
            BUCKET, key, emulator.state.buckets[BUCKET][key].data, modified=at
        )


def message(lines: list[str], action: str) -> list[Reply]:
    """Return the lines that need attention because of an action."""
    sentences = [json.loads(line) for line in lines]
    return [one for one in sentences if one["action"] == "attention.needed" and one["of"] == action]


def crowded(emulator: Emulator, drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a new file behind ten old ones, of which one scan looks at four in pages of two."""
    monkeypatch.setattr(listing, "_LARGEST_PAGE", 2)
    monkeypatch.setattr(module, "MOST_OBJECTS", 4)
    old = [f"drop/a{number:02}.yaml" for number in range(10)]
    for key in old:
        drop(key, UPGRADE)
    written(emulator, time.time() - 30_000, *old)
    drop("drop/new.yaml", UPGRADE)


def test_a_file_behind_more_than_one_scan_reads_is_found(
    emulator: Emulator, fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run continues where the one before stopped."""
    crowded(emulator, drop, monkeypatch)
    made = []
    for _ in range(3):
        fire(RECONCILE)
        made.append(len(emulator.state.jobs))
    assert made == [0, 0, 1]


def test_an_incomplete_scan_is_reported(
    emulator: Emulator, fire: Fire, drop: Drop, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the reply and in a line that needs attention."""
    crowded(emulator, drop, monkeypatch)
    reply = fire(RECONCILE)
    assert reply["outcome"] == "deferred"
    assert 'stopped after "drop/a03.yaml"' in reply["errors"][0]
    assert message(lines, "scan.paused")[0]["note"] == reply["errors"][0]


def test_after_the_last_key_a_scan_begins_at_the_first(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were written meanwhile before it are not missed."""
    crowded(emulator, drop, monkeypatch)
    fire(RECONCILE)
    drop("drop/a00.yaml", UPGRADE)
    fire(RECONCILE)
    assert fire(RECONCILE)["errors"] == []
    assert [one["action"] for one in recorded() if one["action"].startswith("scan.")] == [
        "scan.paused",
        "scan.paused",
        "scan.completed",
    ]
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 2


def test_a_scan_makes_a_bounded_number_of_requests(
    emulator: Emulator, fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may send pages of one key each."""
    monkeypatch.setattr(listing, "_LARGEST_PAGE", 1)
    monkeypatch.setattr(module, "_MOST_PAGES", 3)
    for number in range(5):
        drop(f"drop/{number}.yaml", UPGRADE)
    assert "stopped after" in fire(RECONCILE)["errors"][0]
    assert sum(one.operation == "ListObjects" for one in emulator.state.requests) == 3
    assert len(emulator.state.jobs) == 3


def test_a_run_out_of_time_continues_behind_the_last_delivered_file(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing between is passed over."""
    for number in range(4):
        drop(f"drop/{number}.yaml", UPGRADE)
    # For the scan, its two first files, whether each of them may be delivered, and their results.
    left = iter([True] * 7)
    monkeypatch.setattr(Invocation, "request_fits", lambda _invocation: next(left, False))
    reply = fire(RECONCILE)
    assert "no time was left for all missed files in bucket nightdrop-drop" in reply["errors"]
    assert recorded()[-1]["source"] == {"bucket": BUCKET, "key": "drop/1.yaml"}
    monkeypatch.undo()
    fire(RECONCILE)
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 4


def test_a_scan_of_many_files_stops_in_time(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log may be slow to answer; the next run continues behind the last file."""
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for number in range(5):
        drop(f"drop/{number}.yaml", UPGRADE)
    left = iter([True, True, False, *[True] * 14])
    monkeypatch.setattr(Invocation, "request_fits", lambda _invocation: next(left, False))
    fire(RECONCILE)
    assert recorded()[-1]["source"] == {"bucket": BUCKET, "key": "drop/3.yaml"}
    monkeypatch.undo()
    fire(RECONCILE)
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 5


def test_a_run_without_time_to_scan_reports_it(
    fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not completed, then."""
    drop("drop/hall.yaml", UPGRADE)
    monkeypatch.setattr(Invocation, "request_fits", lambda _invocation: False)
    reply = fire(RECONCILE)
    assert reply["outcome"] == "deferred"
    assert reply["errors"] == ["no time was left to scan for missed files in bucket nightdrop-drop"]


def test_a_scan_of_a_whole_bucket_records_nothing(
    fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """An idle run of the reconciler leaves the log as it was."""
    fire(drop("drop/hall.yaml", UPGRADE))
    fire(RECONCILE)
    before = len(recorded())
    fire(RECONCILE)
    assert len(recorded()) == before


def test_the_position_of_a_scan_outlives_a_rebuild_of_the_state(
    emulator: Emulator,
    environ: Environ,
    fire: Fire,
    drop: Drop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is folded from the records like all else."""
    crowded(emulator, drop, monkeypatch)
    fire(RECONCILE)
    with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
        log.rebuild()
        assert log.read(lambda view: view.scan(BUCKET)).position == "drop/a03.yaml"
        assert log.read(lambda view: view.scan("other")).position == ""


IGNORED = (
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Completed",
    "LifecycleExpiration:Delete",
    "Invented:Elsewhere",
)


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_event_hides_no_lost_creation(
    emulator: Emulator, fire: Fire, drop: Drop, name: str
) -> None:
    """It says nothing of what lies there now."""
    event = drop("drop/hall.yaml", UPGRADE)
    event["Records"][0]["eventName"] = name
    event["Records"][0]["eventTime"] = "2100-01-01T00:00:00Z"
    assert fire(event)["outcome"] == "ignored"
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 1


def test_an_ignored_event_after_a_run_makes_no_second_one(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """Versions that were read before it still count as seen."""
    event = drop("drop/hall.yaml", UPGRADE)
    fire(event)
    event["Records"][0] |= {"eventName": IGNORED[0], "responseElements": {}}
    fire(event)
    before = len(recorded())
    assert fire(RECONCILE)["deliveries"] == []
    assert (len(recorded()), len(emulator.state.jobs)) == (before, 1)


def test_a_file_that_was_rejected_unread_is_not_rejected_again(
    fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """Neither for its name nor for its size; a new version is read."""
    fire(drop("drop/README", b"read me"))
    fire(drop("drop/large.yaml", b"#" * 300_000))
    before = len(recorded())
    assert fire(RECONCILE)["deliveries"] == []
    assert len(recorded()) == before


def test_a_file_written_again_with_the_same_bytes_is_checked_once(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """The usual decision of a delivery applies: here its run is still the latest."""
    fire(drop("drop/hall.yaml", UPGRADE))
    written(emulator, time.time() + 2, "drop/hall.yaml")
    assert len(fire(RECONCILE)["deliveries"]) == 1
    before = len(recorded())
    assert recorded()[-1]["action"] == "delivery.repeated"
    fire(RECONCILE)
    assert (len(recorded()), len(emulator.state.jobs)) == (before, 1)


def test_an_object_that_waits_to_be_read_is_not_delivered_twice(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """Its own delivery is resumed."""
    emulator.faults.set([{"operation": "GetObject", "fault": "cut", "times": 1}])
    event = drop("drop/hall.yaml", UPGRADE)
    with pytest.raises(Exception, match="no answer"):
        fire(event)
    fire(RECONCILE)
    assert {one["source"]["shape"] for one in recorded() if "source" in one} == {"obs"}
    assert len(emulator.state.jobs) == 1


def test_an_object_whose_delivery_cannot_be_resumed_is_found_again(
    emulator: Emulator, environ: Environ, fire: Fire, drop: Drop
) -> None:
    """Its stored delivery is deleted; the file is still there."""
    emulator.faults.set([{"operation": "GetObject", "fault": "cut", "times": 1}])
    event = drop("drop/hall.yaml", UPGRADE)
    with pytest.raises(Exception, match="no answer"):
        fire(event)
    with closing(sqlite3.connect(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as db:
        db.execute("DELETE FROM outbox")
        db.commit()
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 1


def test_a_fresh_log_does_not_run_older_files(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, lines: list[str]
) -> None:
    """It reports it once; later files are run."""
    fresh = {name: value for name, value in environ.items() if name != "NIGHTDROP_SWEEP_FROM"}
    for name in ("one", "two"):
        drop(f"drop/{name}.yaml", UPGRADE)
    written(emulator, time.time() - 60, "drop/one.yaml", "drop/two.yaml")
    reply = fire_in(fresh, RECONCILE)
    assert (reply["outcome"], len(emulator.state.jobs)) == ("completed", 0)
    (warning,) = reply["warnings"]
    assert warning.startswith("2 files were found in bucket nightdrop-drop without a notification")
    assert "warnings" not in fire_in(fresh, RECONCILE)
    assert [one["note"] for one in message(lines, "scan.limited")] == [warning]
    drop("drop/three.yaml", UPGRADE)
    written(emulator, time.time() + 2, "drop/three.yaml")
    fire_in(fresh, RECONCILE)
    assert len(emulator.state.jobs) == 1


def test_older_files_are_run_on_request(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop
) -> None:
    """The setting has the time from which files are run."""
    drop("drop/one.yaml", UPGRADE)
    drop("drop/two.yaml", UPGRADE.replace(b"hall", b"yard"))
    written(emulator, time.time() - 600, "drop/one.yaml")
    written(emulator, time.time() - 60, "drop/two.yaml")
    since = datetime.now(timezone.utc) - timedelta(seconds=300)
    fire_in({**environ, "NIGHTDROP_SWEEP_FROM": since.isoformat()}, RECONCILE)
    assert [job.name[:5] for job in emulator.state.all_jobs()] == ["yard-"]


def test_other_bytes_are_found_although_they_are_not_newer(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The clocks of the writers differ; the tag does not lie."""
    fire(drop("drop/hall.yaml", UPGRADE))
    drop("drop/hall.yaml", UPGRADE.replace(b"node-1", b"node-2"))
    written(emulator, time.time() - 60, "drop/hall.yaml")
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 2


def test_a_file_of_the_far_future_does_not_hide_its_replacement(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Its event was dated by a clock that is wrong."""
    event = drop("drop/hall.yaml", b"#" * 300_000)
    event["Records"][0]["eventTime"] = "2100-01-01T00:00:00Z"
    assert fire(event)["outcome"] == "rejected"
    drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time() + 1800, "drop/hall.yaml")
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 1


def test_a_scan_that_is_cut_by_time_goes_on_before_where_it_was_cut_by_count(
    fire: Fire, drop: Drop, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing between the two is passed over."""
    monkeypatch.setattr(listing, "_LARGEST_PAGE", 2)
    monkeypatch.setattr(module, "MOST_OBJECTS", 4)
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for number in range(6):
        drop(f"drop/{number}.yaml", UPGRADE)
    left = iter([True, True, False, *[True] * 30])
    monkeypatch.setattr(Invocation, "request_fits", lambda _invocation: next(left, False))
    fire(RECONCILE)
    assert recorded()[-1]["source"] == {"bucket": BUCKET, "key": "drop/1.yaml"}


def test_a_file_that_is_found_and_then_written_again_is_run(
    emulator: Emulator, fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no uploader that could be mistaken."""
    read = Obs.read
    drop("drop/hall.yaml", UPGRADE)

    def replaced(obs: Obs, bucket: str, key: str, **given: Any) -> Any:  # noqa: ANN401 - as `read`
        emulator.state.put_object(bucket, key, UPGRADE + b"# again\n")
        return read(obs, bucket, key, **given)

    monkeypatch.setattr(Obs, "read", replaced)
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 1
