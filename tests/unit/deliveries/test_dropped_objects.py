"""Dropped objects that differ from their event: changed, empty, not readable yet, no spec."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.deliveries.records import differences
from handler.emulator.state.changes import VersioningSet, VersionRemoved
from handler.errors import AccessPendingError
from handler.values.canonical_json import timestamp, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
OTHER = UPGRADE.replace(b"node-1", b"node-2")
RECONCILE = {"action": "reconcile"}
BUCKET, KEY = "nightdrop-drop", "drop/hall.yaml"
UPLOADER = {"userIdentity": {"ID": "account-of-x"}}


def attention(lines: list[str]) -> list[Reply]:
    """Return the lines that need attention."""
    parsed = [json.loads(line) for line in lines]
    return [one for one in parsed if one["action"] == "attention.needed"]


def event_of(
    event: Reply, *, ago: float = 0.0, etag: str | None = None, version: str | None = None
) -> Reply:
    """Return an event with an uploader, a time, and its fields of the object."""
    fired = datetime.now(timezone.utc) - timedelta(seconds=ago)
    entry = {**event["Records"][0], **UPLOADER, "eventTime": f"{fired:%Y-%m-%dT%H:%M:%SZ}"}
    parsed = {"eTag": etag, "versionId": version}
    stored = entry["obs"]["object"] | {name: value for name, value in parsed.items() if value}
    return {"Records": [{**entry, "obs": {**entry["obs"], "object": stored}}]}


def etag_in(emulator: Emulator) -> str:
    """Return the tag of the object that is in the bucket now."""
    return emulator.state.buckets[BUCKET][KEY].etag


def test_an_object_that_was_changed_is_left_to_its_own_event(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, lines: list[str]
) -> None:
    """It is recorded that the source changed, and nothing runs for the older event."""
    older = event_of(drop(KEY, OTHER), etag=etag_in(emulator))
    newer = event_of(drop(KEY, UPGRADE), etag=etag_in(emulator))
    assert fire(older)["outcome"] == "ignored"
    assert emulator.state.all_jobs() == []
    ignored = recorded()[-1]
    assert (ignored["action"], ignored["source"]["read_differs"]) == ("delivery.ignored", "etag")
    assert (ignored["delivery"]["policy"], ignored["delivery"]["rule"]) == ("built-in", 1)
    assert ignored["actor"]["account"] == "account-of-x"
    (line,) = attention(lines)
    assert line["note"].startswith("source changed: the object was written again")
    assert fire(newer)["outcome"] == "submitted"
    assert [fire(one)["outcome"] for one in (older, newer)] == ["ignored", "duplicate"]


def test_a_changed_object_whose_own_event_never_comes_is_found_by_the_scan(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """It was not read for the older event."""
    fire(event_of(drop(KEY, UPGRADE), etag="1" * 32))
    fire(RECONCILE)
    assert [job.name[:5] for job in emulator.state.all_jobs()] == ["hall-"]


@pytest.fixture
def put_version(emulator: Emulator, drop: Drop) -> Callable[[bytes, float], Reply]:
    """Drop a version of the object into a bucket that keeps versions; return its event."""
    emulator.state.change(VersioningSet(BUCKET, "Enabled"))

    def put(data: bytes, ago: float) -> Reply:
        event = drop(KEY, data)
        stored = emulator.state.buckets[BUCKET][KEY]
        return event_of(event, ago=ago, etag=stored.etag, version=stored.version_id)

    return put


def test_the_version_that_the_event_names_is_read(
    emulator: Emulator,
    fire: Fire,
    put_version: Callable[[bytes, float], Reply],
    recorded: Recorded,
    lines: list[str],
) -> None:
    """What was written since does not matter: both are run, each under its uploader's name."""
    older, newer = put_version(OTHER, 20), put_version(UPGRADE, 10)
    assert [fire(one)["outcome"] for one in (older, newer)] == ["submitted"] * 2
    planned = [one for one in recorded() if one["action"] == "delivery.planned"]
    for one in planned:
        assert one["source"]["read_version_id"] == one["source"]["version_id"]
        assert one["actor"]["account"] == "account-of-x"
    nodes: Any = [job.request["job_content"] for job in emulator.state.all_jobs()]
    assert [one["targets"][0]["target_id"] for one in nodes] == ["node-2", "node-1"]
    assert attention(lines) == []


def test_a_version_is_not_run_after_a_later_one(
    emulator: Emulator,
    fire: Fire,
    put_version: Callable[[bytes, float], Reply],
    recorded: Recorded,
) -> None:
    """Its event is late: the fleet would end with what was replaced. The scan finds nothing new."""
    older, newer = put_version(OTHER, 20), put_version(UPGRADE, 10)
    assert [fire(one)["outcome"] for one in (newer, older)] == ["submitted", "ignored"]
    assert "a later upload of this object is planned" in recorded()[-1]["note"]
    fire(RECONCILE)
    assert len(emulator.state.all_jobs()) == 1


@pytest.mark.parametrize("code", ["NoSuchVersion", "AccessDenied"])
def test_without_the_version_the_current_object_is_compared(
    emulator: Emulator,
    fire: Fire,
    put_version: Callable[[bytes, float], Reply],
    recorded: Recorded,
    code: str,
) -> None:
    """It was deleted, or the agency may not read it: nothing runs for an object that changed."""
    older = put_version(OTHER, 20)
    put_version(UPGRADE, 10)
    if code == "NoSuchVersion":
        version = older["Records"][0]["obs"]["object"]["versionId"]
        emulator.state.change(VersionRemoved(BUCKET, KEY, version))
    else:
        emulator.faults.set(
            [{"operation": "GetObject", "fault": "status", "status": 403, "times": 1}]
        )
    assert fire(older)["outcome"] == "ignored"
    assert recorded()[-1]["source"]["read_differs"] == "version_id, etag"


def test_the_uploader_of_a_changed_object_is_unknown(  # noqa: PLR0913, PLR0917 - fixtures
    environ: Environ, tmp_path: Path, fire: Fire, drop: Drop, recorded: Recorded, lines: list[str]
) -> None:
    """If the policy lets it run: the event's account wrote another version of the object."""
    (tmp_path / "policy.yaml").write_text(
        "rules: [{from: {account: account-of-x}}, {source_changed: true}]"
    )
    environ["NIGHTDROP_POLICY"] = str(tmp_path / "policy.yaml")
    reply = fire(event_of(drop(KEY, UPGRADE), etag="1" * 32))
    received, planned = recorded()[:2]
    assert reply["outcome"] == "submitted"
    assert received["actor"] == {"kind": "uploader", "account": "account-of-x"}
    assert planned["actor"] == {"kind": "unknown"}
    assert (planned["source"]["read_differs"], planned["delivery"]["rule"]) == ("etag", 2)
    assert planned["source"]["etag"] != planned["source"]["read_etag"]
    (line,) = attention(lines)
    assert line["of"] == "delivery.planned"
    assert "who wrote it is not known" in line["note"]


def test_an_object_that_matches_its_event_has_its_uploader(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, lines: list[str]
) -> None:
    """Quotes around a tag are no difference."""
    event = drop(KEY, UPGRADE)
    etag = emulator.state.buckets[BUCKET][KEY].etag
    fire(event_of(event, etag=f'"{etag}"'))
    planned = recorded()[1]
    assert planned["actor"]["account"] == "account-of-x"
    assert "read_differs" not in planned["source"]
    assert attention(lines) == []


@pytest.mark.parametrize(
    ("named", "read", "differing"),
    [
        ({"etag": "a"}, {"read_etag": "b"}, "etag"),
        ({"etag": "a", "version_id": "1"}, {"read_etag": "a", "read_version_id": "2"},
         "version_id"),
        ({"etag": "a", "version_id": "1"}, {"read_etag": "b", "read_version_id": "2"},
         "version_id, etag"),
        ({"etag": "a"}, {"read_etag": "a"}, ""),
        ({"etag": "a"}, {}, ""),
        ({}, {"read_etag": "a", "read_version_id": "2"}, ""),
    ],
)  # fmt: skip
def test_tag_and_version_tell_objects_apart(
    named: dict[str, str], read: dict[str, str], differing: str
) -> None:
    """A field that one side lacks is not compared."""
    assert differences(named, read) == differing


def test_an_object_that_may_not_be_read_yet_is_run_once_it_may(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """After a deployment, rights take their time; redelivery and reconciler both try again."""
    event = event_of(drop(KEY, UPGRADE))
    emulator.state.denied.add((BUCKET, KEY))
    with pytest.raises(AccessPendingError, match="allow it on the bucket"):
        fire(event)
    reply = fire(RECONCILE)
    assert (reply["outcome"], reply["open"]["deliveries"]) == ("deferred", 1)
    assert [one["action"] for one in recorded()].count("delivery.rejected") == 0
    emulator.state.denied.clear()
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 1
    assert fire(event)["outcome"] == "duplicate"


def test_an_object_that_may_not_be_read_is_rejected_once_it_would_not_run_any_more(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """Six hours later, on record."""
    event = event_of(drop(KEY, UPGRADE), ago=21_700)
    emulator.state.denied.add((BUCKET, KEY))
    reply = fire(event)
    assert reply["outcome"] == "rejected"
    assert "allow it on the bucket" in reply["errors"][0]
    assert "delivery.rejected" in {one["action"] for one in recorded()}


def test_an_object_without_a_byte_is_ignored_until_something_is_in_it(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded, lines: list[str]
) -> None:
    """Mounts write the name first and the content after; it runs once."""
    assert fire(drop(KEY, b""))["outcome"] == "ignored"
    assert fire(RECONCILE)["deliveries"] == []
    assert "empty" in recorded()[-1]["note"]
    assert attention(lines) == []
    event = drop(KEY, UPGRADE)
    emulator.state.put_object(BUCKET, KEY, UPGRADE, modified=time.time() + 1)
    fire(RECONCILE)
    assert fire(event)["outcome"] == "duplicate"
    assert len(emulator.state.jobs) == 1


def test_an_event_of_no_byte_that_comes_late_runs_what_is_there_by_then(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The current object is read, whatever size the event speaks of."""
    first = drop(KEY, b"")
    second = drop(KEY, UPGRADE)
    assert [fire(one)["outcome"] for one in (first, second)] == ["submitted", "duplicate"]
    assert len(emulator.state.jobs) == 1


@pytest.mark.parametrize("name", [".DS_Store", "~$plan.docx", "hall.yaml.part", ""])
def test_a_temporary_file_of_an_editor_is_ignored_on_record(
    fire: Fire, drop: Drop, recorded: Recorded, lines: list[str], name: str
) -> None:
    """So is the folder itself; neither needs attention."""
    assert fire(drop(f"drop/{name}", b"x"))["outcome"] == "ignored"
    assert fire(RECONCILE)["deliveries"] == []
    assert [one["action"] for one in recorded()] == ["delivery.received", "delivery.ignored"]
    assert recorded()[1]["note"]
    assert attention(lines) == []


def test_a_file_that_is_no_spec_is_rejected_with_the_accepted_names(
    fire: Fire, drop: Drop, lines: list[str]
) -> None:
    """Its result file says so, too."""
    reply = fire(drop("drop/README", b"read me"))
    assert reply["outcome"] == "rejected"
    assert "*.yaml, *.yml, *.json or *.jsonl" in reply["errors"][0]
    fire(RECONCILE)
    assert [one["of"] for one in attention(lines)] == ["delivery.rejected"]


def test_an_object_that_is_gone_is_rejected_at_once(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """However young its event is: only a right may come later."""
    event = drop(KEY, UPGRADE)
    event["Records"][0]["eventTime"] = timestamp(utc_now())
    emulator.state.remove_object(BUCKET, KEY)
    reply = fire(event)
    assert reply["outcome"] == "rejected"
    assert "it may have been deleted since" in reply["errors"][0]
