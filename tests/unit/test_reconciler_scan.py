"""The reconciler finds objects under the prefix whose notification was lost."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.sql.sqlite import SqliteLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide
    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Tick = Callable[..., Reply]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
RECONCILE = {"action": "reconcile"}
AT_ONCE = {"NIGHTDROP_SETTLE_AFTER": "0"}
BUCKET = "nightdrop-drop"
RESULT = "results/hall.yaml.result.json"


def faulty(emulator: Emulator, operation: str = "CreateBatchJob", **fault: Any) -> None:  # noqa: ANN401 - any field
    """Make an operation fail."""
    emulator.faults.set([{"operation": operation, **fault}])


def states(reply: Reply) -> list[str]:
    """Return the states of a reply's jobs."""
    return [job["state"] for job in reply["jobs"]]


def asked(emulator: Emulator, operation: str) -> int:
    """Return how often an operation was asked for."""
    return sum(one.operation == operation for one in emulator.state.requests)


def commit(environ: Environ, decide: Decide[Any]) -> None:
    """Commit a decision to the function's log."""
    with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
        log.commit(decide)


def lost(emulator: Emulator, drop: Drop) -> None:
    """Drop a file whose notification never arrives."""
    drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time())


def written(emulator: Emulator, at: float) -> None:
    """Set the write time of all objects, in seconds since 1970."""
    for key, one in list(emulator.state.buckets[BUCKET].items()):
        emulator.state.put_object(BUCKET, key, one.data, modified=at)


def result(emulator: Emulator) -> Any:  # noqa: ANN401 - any JSON
    """Return the result file's content."""
    return json.loads(emulator.state.buckets[BUCKET][RESULT].data)


def test_an_object_whose_notification_was_lost_is_run(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """As after its notification; the record says that the reconciler found it."""
    lost(emulator, drop)
    assert states(fire(RECONCILE)) == ["created"]
    assert result(emulator)["outcome"] == "submitted"
    received = recorded()[0]
    assert (received["source"]["shape"], received["actor"]) == ("discovered", {"kind": "scan"})
    assert states(fire(RECONCILE)) == ["created"]
    assert len(emulator.state.jobs) == 1


def test_a_seen_object_is_not_found_again(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """It is not even read."""
    fire(drop("drop/hall.yaml", UPGRADE))
    reads = asked(emulator, "GetObject")
    reply = fire(RECONCILE)
    assert (reply["deliveries"], asked(emulator, "GetObject")) == ([], reads)


def test_a_notification_that_comes_after_the_reconciler_changes_nothing(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The bytes are those of the run that the reconciler started."""
    event = drop("drop/hall.yaml", UPGRADE)
    fire(RECONCILE)
    assert fire(event)["outcome"] == "duplicate"
    assert len(emulator.state.jobs) == 1


@pytest.mark.parametrize(("seconds", "runs"), [(21_500, 1), (21_700, 0)])
def test_only_recent_objects_are_found(
    emulator: Emulator, fire: Fire, drop: Drop, seconds: int, runs: int
) -> None:
    """An object older than the validity of a job may be older than Nightdrop."""
    drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time() - seconds)
    fire(RECONCILE)
    assert len(emulator.state.jobs) == runs


@pytest.mark.parametrize("name", ["else/hall.yaml", RESULT])
def test_only_the_watched_prefix_is_scanned(
    emulator: Emulator, fire: Fire, drop: Drop, name: str
) -> None:
    """Results and foreign prefixes hold no specs."""
    drop(name, UPGRADE)
    assert fire(RECONCILE)["deliveries"] == []
    assert len(emulator.state.jobs) == 0


def test_a_rejected_file_is_not_rejected_again_by_every_run(
    fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """Once is enough; a new version is looked at."""
    drop("drop/hall.yaml", b"kind: [\n")
    assert fire(RECONCILE)["outcome"] == "rejected"
    before = len(recorded())
    assert fire(RECONCILE)["outcome"] == "completed"
    assert len(recorded()) == before


def test_a_new_version_of_a_seen_object_is_found(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Its own notification was lost."""
    fire(drop("drop/hall.yaml", UPGRADE))
    drop("drop/hall.yaml", UPGRADE.replace(b"node-1", b"node-2"))
    written(emulator, time.time() + 2)
    fire(RECONCILE)
    assert len(emulator.state.jobs) == 2


def test_a_bucket_that_cannot_be_listed_delays_nothing_else(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick, drop: Drop
) -> None:
    """Jobs are settled, the other buckets are scanned, and the error is reported."""
    both = {**environ, **AT_ONCE, "NIGHTDROP_BUCKETS": f"missing,{BUCKET}"}
    faulty(emulator, fault="lost_answer", times=1)
    fire_in(both, tick(UPGRADE.decode()))
    drop("drop/hall.yaml", UPGRADE)
    reply = fire_in(both, RECONCILE)
    assert sorted(states(reply)) == ["adopted", "created"]
    (error,) = reply["errors"]
    assert "obs://missing/" in error


def test_a_run_that_could_not_scan_everywhere_is_not_completed(
    environ: Environ, fire_in: FireIn
) -> None:
    """No open work is known, but the bucket may hold a file without a notification."""
    reply = fire_in({**environ, "NIGHTDROP_BUCKETS": "missing"}, RECONCILE)
    (error,) = reply["errors"]
    assert reply["outcome"] == "deferred"
    assert error.startswith("could not scan the bucket for missed files: obs://missing/")
