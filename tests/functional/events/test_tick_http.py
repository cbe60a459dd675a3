"""Reconciler runs over HTTP: with the platform's retries at zero they complete every delivery."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.instance_log import InstanceLog
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.credentials import CurrentCredentials
from handler.cloud.http_transport import Transport
from handler.function import handle
from handler.invocation.instance import Instance
from handler.local.runtime.context import Context
from handler.settings import load
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator
    from handler.values.canonical_json import Json

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Post = Callable[..., tuple[int, Any]]
    Serve = Callable[[Environ], Post]
    Drop = Callable[..., Any]
    Tick = Callable[..., Reply]
    FireIn = Callable[[Environ, object], Reply]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
CREATE = "CreateBatchJob"
RECONCILE = '{"action": "reconcile"}'
RUN = """
import json, os, sys, time
from handler import handler
from handler.local.runtime.context import Context
handler(json.loads(sys.stdin.readline()), Context.from_environment(os.environ, "r", time.monotonic))
"""


def forty(count: int = 40) -> bytes:
    """Return a file that orders so many jobs."""
    return b"---\n".join(UPGRADE.replace(b"hall", b"hall-%d" % n) for n in range(count))


def states(reply: Reply) -> list[str]:
    """Return the states of a reply's jobs."""
    return [job["state"] for job in reply["jobs"]]


@pytest.fixture(scope="module")
def quick(serve: Serve, cloud_environ: Environ) -> Post:
    """POST to a function that settles after a second."""
    return serve({**cloud_environ, "NIGHTDROP_SETTLE_AFTER": "1"})


def test_at_most_one_job_though_its_answer_was_lost(
    cloud: Emulator, quick: Post, cloud_drop: Drop, tick: Tick
) -> None:
    """It is unknown, then found in the list by a timer's reconciler run, and adopted."""
    before = len(cloud.state.jobs)
    cloud.faults.set([{"operation": CREATE, "fault": "lost_answer", "times": 1}])
    status, reply = quick(cloud_drop("drop/lost.yaml", UPGRADE))
    assert (status, reply["outcome"], states(reply)) == (200, "deferred", ["unknown"])
    status, reply = quick(tick(RECONCILE))
    adopted = next(job for job in reply["jobs"] if job["state"] == "adopted")
    assert (status, adopted["job_id"] in cloud.state.jobs) == (200, True)
    assert len(cloud.state.jobs) == before + 1
    kept = json.loads(cloud.state.buckets["nightdrop-drop"]["results/lost.yaml.result.json"].data)
    assert kept["outcome"] == "submitted"


def test_a_job_whose_request_was_lost_is_created(
    cloud: Emulator, quick: Post, cloud_drop: Drop, tick: Tick
) -> None:
    """Once it cannot arrive any more and is not in the list, it is created, once."""
    before = len(cloud.state.jobs)
    cloud.faults.set([{"operation": CREATE, "fault": "cut", "times": 1}])
    event = cloud_drop("drop/cut.yaml", UPGRADE)
    assert states(quick(event)[1]) == ["unknown"]
    wait_for(lambda: quick(tick(RECONCILE)), lambda _: len(cloud.state.jobs) > before)
    assert len(cloud.state.jobs) == before + 1
    again = quick(event)[1]
    assert (again["outcome"], states(again)) == ("duplicate", ["created"])


def test_a_notification_that_was_lost_loses_no_file(
    cloud: Emulator, quick: Post, cloud_drop: Drop, tick: Tick
) -> None:
    """The reconciler finds it in the bucket."""
    before = len(cloud.state.jobs)
    cloud_drop("drop/unseen.yaml", UPGRADE)
    quick(tick(RECONCILE))
    assert len(cloud.state.jobs) == before + 1
    assert "results/unseen.yaml.result.json" in cloud.state.buckets["nightdrop-drop"]


def test_a_job_deleted_in_the_console_is_not_created_again(
    cloud: Emulator, quick: Post, cloud_drop: Drop, tick: Tick
) -> None:
    """Neither by the reconciler nor by its event."""
    event = cloud_drop("drop/deleted.yaml", UPGRADE)
    (job,) = quick(event)[1]["jobs"]
    cloud.state.delete_job(job["job_id"])
    gone = wait_for(
        lambda: [
            one for one in quick(tick(RECONCILE))[1]["jobs"] if one["job_id"] == job["job_id"]
        ],
        lambda jobs: jobs and jobs[0].get("finished"),
    )
    assert [one["finished"] for one in gone] == ["deleted"]
    quick(tick(RECONCILE))
    assert quick(event)[1]["outcome"] == "duplicate"
    assert job["job_name"] not in {one.name for one in cloud.state.all_jobs()}


def test_the_reconciler_alone_completes_a_killed_delivery(
    emulator: Emulator, environ: Environ, spawn: Callable[..., Any], drop: Drop, fire_in: FireIn
) -> None:
    """Killed while its request was under way; the platform does not deliver again."""
    emulator.faults.set([{"operation": CREATE, "fault": "delay", "seconds": 5}])
    event = drop("drop/hall.yaml", forty(3))
    killed = spawn([sys.executable, "-c", RUN], {**environ, "RUNTIME_TIMEOUT": "20"})
    killed.stdin.write(json.dumps(event) + "\n")
    killed.stdin.flush()
    log = SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))
    with closing(log):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            jobs = log.read(lambda view: view.open(9)).jobs
            if [job.state for job in jobs] == ["sending"] * 3:
                break
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        emulator.faults.set([])
        late = datetime.now(timezone.utc) + timedelta(hours=1)
        tick_at(environ, late)
        assert [job.state for job in log.read(lambda view: view.open(9)).jobs] == []
    names = [job.name for job in emulator.state.all_jobs()]
    assert len(names) == len(set(names)) == 3
    assert fire_in(environ, event)["outcome"] == "duplicate"


def tick_at(environ: Environ, now: datetime) -> Reply:
    """Run the reconciler at a later time, by the log's clock and with settling at once."""
    settings = load(lambda _name: None, {**environ, "NIGHTDROP_SETTLE_AFTER": "0"})
    log = SqliteLog(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"), clock=lambda: now)
    opened = Instance(
        settings,
        InstanceLog(log),
        Transport(timeout=5),
        environ,
        lambda _line: None,
        CurrentCredentials(),
    )
    with closing(opened):
        context = Context.from_environment(environ, "r", time.monotonic)
        return handle({"action": "reconcile"}, context, opened)


def test_a_request_that_is_too_old_expires_and_is_reported(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick, recorded: Recorded
) -> None:
    """Last night's upgrade does not run at noon."""
    short = {**environ, "RUNTIME_TIMEOUT": "3"}
    event = tick((UPGRADE + b"valid_for: 1m\n").decode())
    assert states(fire_in(short, event)) == ["deferred"]
    reply = tick_at(environ, datetime.now(timezone.utc) + timedelta(seconds=61))
    assert (reply["outcome"], states(reply)) == ("partial", ["expired"])
    assert len(emulator.state.jobs) == 0
    (expired,) = [one for one in recorded() if one["action"] == "job.expired"]
    assert "deliver it again" in expired["note"]


def test_jobs_that_are_not_sent_in_time_are_summed_up(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop
) -> None:
    """One sentence for three jobs for which the API asks for a later time."""
    pause: Json = {
        "operation": CREATE,
        "fault": "status",
        "status": 429,
        "seconds": 600,
        "times": 3,
    }
    # All forty are in flight before the first of them is asked to wait.
    emulator.faults.set([pause, {"operation": CREATE, "fault": "delay", "seconds": 0.8}])
    event = drop("drop/forty.yaml", forty())
    reply = fire_in({**environ, "NIGHTDROP_SENDERS": "40"}, event)
    assert reply["outcome"] == "deferred"
    [error] = reply["errors"]
    assert error.startswith("3 of 40 jobs deferred (no time was left")
    assert error.endswith(": the reconciler resumes them")
    emulator.faults.set([])
    after = fire_in(environ, {"action": "reconcile"})
    assert set(states(after)) == {"created"}
    assert len({job.name for job in emulator.state.all_jobs()}) == 40
