"""The reconciler: each of its steps, bounded, and harmless beside another run."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler import reconciler as module
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.sql.view import SqlView
from handler.audit.verification.verdict import verify
from handler.errors import NoAnswerError
from handler.jobs.decisions import about
from handler.jobs.hold import hold, release
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.audit.log import Decide, Open, View
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


def written(emulator: Emulator, at: float) -> None:
    """Set the write time of all objects, in seconds since 1970."""
    for key, one in list(emulator.state.buckets[BUCKET].items()):
        emulator.state.put_object(BUCKET, key, one.data, modified=at)


def result(emulator: Emulator) -> Any:  # noqa: ANN401 - any JSON
    """Return the result file's content."""
    return json.loads(emulator.state.buckets[BUCKET][RESULT].data)


def test_a_run_with_nothing_to_do_says_so(fire: Fire) -> None:
    """And leaves no record."""
    reply = fire(RECONCILE)
    assert (reply["outcome"], reply["jobs"], reply["errors"]) == ("completed", [], [])
    assert reply["open"] == {"deliveries": 0, "jobs": 0, "followed": 0, "results": 0}
    assert reply["head"]["seq"] == 0


def test_the_open_work_is_read_at_the_beginning_and_at_the_end(
    emulator: Emulator, fire: Fire, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In between the jobs are what the commits answered, the result file included."""
    faulty(emulator, fault="status", status=403, times=1)
    fire(drop("drop/hall.yaml", UPGRADE))
    limits: list[int] = []
    opened = SqlView.open

    def counted(view: SqlView, limit: int, buckets: Sequence[str] | None = None) -> Open:
        limits.append(limit)
        return opened(view, limit, buckets)

    monkeypatch.setattr(SqlView, "open", counted)
    reply = fire(RECONCILE)
    assert (states(reply), reply["open"]["jobs"], reply["open"]["results"]) == (["created"], 0, 0)
    assert result(emulator)["jobs"] == reply["jobs"]
    assert len(limits) == 2


def test_rejected_objects_of_other_buckets_hold_up_no_result_file(
    environ: Environ, emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """However many they are: no result file is written for them."""
    event = drop("drop/hall.yaml", UPGRADE)
    foreign = json.loads(json.dumps(event).replace("nightdrop-drop", "other-bucket"))
    assert fire(foreign)["outcome"] == "rejected"
    fire(event)
    commit(environ, finish_all)
    with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
        buckets = ("nightdrop-drop",)
        every, ours = log.read(lambda view: (view.open(1), view.open(1, buckets)))
        none = log.read(lambda view: view.open(1, ()))
    assert [one.subject for one in every.unreported] == ["obs://other-bucket/drop/hall.yaml"]
    assert [one.subject for one in ours.unreported] == ["obs://nightdrop-drop/drop/hall.yaml"]
    assert none.unreported == ()
    fire(RECONCILE)
    assert result(emulator)["jobs"][0]["state"] == "abandoned"


def finish_all(view: View) -> Decision[None]:
    """Decide to record that each job was given up, as a change that no result file shows."""
    jobs = view.latest_jobs(9)
    return Decision(None, tuple(about(job)._replace(action="job.abandoned") for job in jobs))


@pytest.mark.parametrize(("days", "known"), [(91, True), (92, False)])
def test_a_delivery_that_was_closed_long_ago_is_forgotten(
    environ: Environ, fire: Fire, days: int, *, known: bool
) -> None:
    """Its records stay; when it comes again it is run as if it were new."""
    path = environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
    old = datetime.now(timezone.utc) - timedelta(days=days) + timedelta(minutes=1)
    draft = Draft("delivery.rejected", "failure", delivery={"key": "old", "subject": "s"})
    with closing(SqliteLog(path, clock=lambda: old)) as log:
        log.commit(lambda _view: Decision(None, (draft,)))
    assert fire(RECONCILE)["errors"] == []
    with closing(SqliteLog(path)) as log:
        assert (log.read(lambda view: view.delivery("old")) is not None) == known
        assert [record.seq for record in log.records_of(["old"])] == [1]


def test_an_interrupted_delivery_is_resumed_without_its_event(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The platform's retries may be set to zero."""
    faulty(emulator, "GetObject", fault="cut", times=1)
    event = drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time() - 30_000)
    with pytest.raises(NoAnswerError):
        fire(event)
    reply = fire(RECONCILE)
    assert (states(reply), reply["errors"]) == (["created"], [])
    assert fire(event)["outcome"] == "duplicate"


def test_a_delivery_that_still_cannot_be_read_waits_for_the_next_run(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """A run reports it and raises nothing."""
    faulty(emulator, "GetObject", fault="status", status=503)
    event = drop("drop/hall.yaml", UPGRADE)
    written(emulator, time.time() - 30_000)
    with pytest.raises(NoAnswerError):
        fire(event)
    reply = fire(RECONCILE)
    assert (reply["outcome"], reply["open"]["deliveries"]) == ("deferred", 1)
    assert "503" in reply["errors"][0]


def test_a_lost_answer_is_settled_by_the_list(
    emulator: Emulator, fire: Fire, tick: Tick, recorded: Recorded
) -> None:
    """The job is there: it is adopted, at once."""
    faulty(emulator, fault="lost_answer", times=1)
    assert states(fire(tick(UPGRADE.decode()))) == ["unknown"]
    reply = fire(RECONCILE)
    (job,) = emulator.state.all_jobs()
    assert (states(reply), reply["jobs"][0]["job_id"]) == (["adopted"], job.job_id)
    assert "job.adopted" in {record["action"] for record in recorded()}


def test_a_job_that_is_not_listed_is_sent_again_only_after_the_wait(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """Before it, the request may still arrive."""
    faulty(emulator, fault="cut", times=1)
    fire_in(environ, tick(UPGRADE.decode()))
    assert states(fire_in(environ, RECONCILE)) == ["unknown"]
    assert states(fire_in({**environ, **AT_ONCE}, RECONCILE)) == ["created"]
    assert len(emulator.state.jobs) == 1


def test_a_deferred_job_is_resumed(
    environ: Environ, fire_in: FireIn, tick: Tick, emulator: Emulator
) -> None:
    """From the outbox."""
    fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, tick(UPGRADE.decode()))
    assert states(fire_in(environ, RECONCILE)) == ["created"]
    assert len(emulator.state.jobs) == 1


def test_a_job_is_followed_until_it_has_ended(
    emulator: Emulator, fire: Fire, tick: Tick, recorded: Recorded
) -> None:
    """Then nothing is open any more."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0.3)
    fire(tick(UPGRADE.decode()))
    reply = fire(RECONCILE)
    assert (reply["outcome"], reply["open"]["followed"]) == ("submitted", 1)
    reply = wait_for(lambda: fire(RECONCILE), lambda body: body["outcome"] == "completed")
    assert reply["open"]["followed"] == 0
    assert reply["jobs"][0]["finished"] == "Successful"
    assert recorded()[-1]["response"]["succeeded"] == 1


def test_a_result_file_is_written_again_where_something_changed(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """And only there."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0)
    faulty(emulator, fault="lost_answer", times=1)
    fire(drop("drop/hall.yaml", UPGRADE))
    assert result(emulator)["jobs"][0]["state"] == "unknown"
    fire(RECONCILE)
    (job,) = result(emulator)["jobs"]
    assert (job["state"], job["finished"]) == ("succeeded", "Successful")
    writes, records = asked(emulator, "PutObject"), len(recorded())
    fire(RECONCILE)
    assert (asked(emulator, "PutObject"), len(recorded())) == (writes, records)


def test_a_result_file_that_could_not_be_written_is_written_later(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The person who dropped the file waits for it."""
    faulty(emulator, "PutObject", fault="status", status=403)
    fire(drop("drop/hall.yaml", UPGRADE))
    emulator.faults.set([])
    fire(RECONCILE)
    assert result(emulator)["outcome"] == "submitted"


def test_while_held_a_run_sends_nothing_and_settles_nevertheless(
    emulator: Emulator, environ: Environ, fire: Fire, tick: Tick
) -> None:
    """A released one resumes."""
    faulty(emulator, fault="lost_answer", times=1)
    fire(tick(UPGRADE.decode()))
    commit(environ, hold("freeze", actor={"kind": "operator"}))
    held = fire(tick(UPGRADE.decode(), "2026-11-25T02:00:00Z"))
    assert (held["outcome"], states(held)) == ("deferred", ["deferred"])
    assert sorted(states(fire(RECONCILE))) == ["adopted", "deferred"]
    assert len(emulator.state.jobs) == 1
    commit(environ, release(actor={"kind": "operator"}))
    assert "created" in states(fire(RECONCILE))
    assert len(emulator.state.jobs) == 2


def test_a_list_that_cannot_be_read_leaves_jobs_unknown_and_resumes_the_others(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """The error is reported once."""
    faulty(emulator, fault="cut", times=2)
    for day in ("24", "25"):
        fire_in(environ, tick(UPGRADE.decode(), f"2026-11-{day}T02:00:00Z"))
    later = tick(UPGRADE.decode(), "2026-11-26T02:00:00Z")
    fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, later)
    faulty(emulator, "ListBatchJob", fault="status", status=503)
    reply = fire_in(environ, RECONCILE)
    assert sorted(states(reply)) == ["created", "unknown", "unknown"]
    assert len(reply["errors"]) == 1


def test_a_run_without_time_does_nothing_and_reports_open_work(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick, drop: Drop
) -> None:
    """It must end before the platform ends it."""
    faulty(emulator, fault="lost_answer", times=1)
    fire_in(environ, tick(UPGRADE.decode()))
    drop("drop/hall.yaml", UPGRADE)
    before = [asked(emulator, name) for name in ("ShowBatchJob", "ListBatchJob", "GetObject")]
    reply = fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, RECONCILE)
    after = [asked(emulator, name) for name in ("ShowBatchJob", "ListBatchJob", "GetObject")]
    assert (reply["outcome"], reply["open"]["jobs"], after) == ("deferred", 1, before)


def test_a_run_does_a_bounded_amount_of_work(
    environ: Environ, fire_in: FireIn, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next continues where it stopped."""
    monkeypatch.setattr(module, "LIMIT", 2)
    for day in range(10, 15):
        event = tick(UPGRADE.decode(), f"2026-11-{day}T02:00:00Z")
        fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, event)
    sent = [states(fire_in(environ, RECONCILE)).count("created") for _ in range(3)]
    assert sent[0] == 2


def test_two_runs_at_once_create_each_job_once(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick, drop: Drop
) -> None:
    """Every job exists once, whatever either of them did."""
    faulty(emulator, fault="lost_answer", times=2)
    for day in range(10, 13):
        fire_in(environ, tick(UPGRADE.decode(), f"2026-11-{day}T02:00:00Z"))
    for number in range(3):
        drop(f"drop/{number}.yaml", UPGRADE)
    fire_in({**environ, "RUNTIME_TIMEOUT": "3"}, tick(UPGRADE.decode(), "2026-11-13T02:00:00Z"))
    at_once([{**environ, "RUNTIME_TIMEOUT": f"{seconds}"} for seconds in (60, 61, 62)], fire_in)
    fire_in(environ, RECONCILE)
    names = [job.name for job in emulator.state.all_jobs()]
    assert len(names) == len(set(names)) == 7
    created = [one["job"]["key"] for one in records(environ) if one["action"] == "job.created"]
    assert len(created) == len(set(created))


def at_once(instances: list[Environ], fire_in: FireIn) -> None:
    """Run the reconciler in each of some instances at the same time."""
    for instance in instances:  # opened one after the other
        fire_in(instance, [])
    with ThreadPoolExecutor(len(instances)) as threads:
        replies = list(threads.map(lambda own: fire_in(own, RECONCILE), instances))
    assert len(replies) == len(instances)


def records(environ: Environ) -> list[Reply]:
    """Return the fields of every record, once the chain was verified."""
    with closing(SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
        kept = list(log.records())
    assert verify(kept).whole
    return [record.fields for record in kept]


def test_a_job_that_was_deleted_on_the_fleet_is_not_created_again(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """An operator had a reason."""
    quick = {**environ, **AT_ONCE}
    fire_in(quick, tick(UPGRADE.decode()))
    emulator.state.delete_job(emulator.state.all_jobs()[0].job_id)
    reply = fire_in(quick, RECONCILE)
    assert (reply["outcome"], reply["jobs"][0]["finished"]) == ("completed", "deleted")
    fire_in(quick, RECONCILE)
    assert emulator.state.all_jobs() == []
