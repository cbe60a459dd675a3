"""One run over the rollouts, through the function and against the emulated cloud."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.invocation.instance import invocation_of, open_instance
from handler.jobs.hold import hold, release
from handler.local.runtime.context import Context
from handler.rollouts.continuation import continue_rollouts, jobs_that_may_succeed
from handler.schedule.rollout_settings import RolloutSettings
from tests.support.rollout_log import RolloutLog, named
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Reply = dict[str, Any]
    Environ = dict[str, str]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

IDS = [f"{number:08}-0000-4000-8000-000000000000" for number in (1, 2, 3)]
RECONCILE = {"action": "reconcile"}


def spec(**rollout: object) -> dict[str, Any]:
    """Return a rollout over three nodes, of one node in each job."""
    return {
        "kind": "node_upgrade",
        "name": "nightly",
        "targets": {"nodes": IDS},
        "rollout": {"waves": [1, "100%"], "max_targets_per_job": 1, **rollout},
    }


def targets(emulator: Emulator) -> list[str]:
    """Return the targets of all jobs that were created."""
    bodies: list[Any] = [job.request for job in emulator.state.all_jobs()]
    return [target["target_id"] for body in bodies for target in body["job_content"]["targets"]]


@pytest.fixture
def quick(emulator: Emulator) -> Emulator:
    """The emulated cloud, in which a job ends as it is created."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0)
    return emulator


def continued(fire: Fire) -> Reply:
    """Run the reconciler until no rollout is open; return its last reply that shows one."""
    shown: Reply = {}
    for _ in range(20):
        reply = fire(RECONCILE)
        shown = reply if "rollouts" in reply else shown
        if "rollouts" not in reply["open"]:
            return shown
    raise AssertionError(f"it does not end: {reply}")


def test_a_rollout_begins_with_its_delivery(fire: Fire, emulator: Emulator) -> None:
    """The reply shows how it stands."""
    reply = fire(spec())
    (rollout,) = reply["rollouts"]
    assert reply["outcome"] == "submitted"
    assert (rollout["state"], rollout["wave"], rollout["waits"]["for"]) == ("running", 1, "running")
    assert len(targets(emulator)) == 1


def test_a_reply_counts_the_jobs_that_were_refused_meanwhile(
    fire: Fire, emulator: Emulator
) -> None:
    """Not as running: it says what its result file says."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 404}])
    (standing,) = fire(spec(max_failed="100%"))["rollouts"]
    assert standing["nodes"]["running"] == 0
    assert standing["nodes"]["failed"] > 0


def test_ticks_bring_a_rollout_to_its_end(fire: Fire, quick: Emulator) -> None:
    """Each node is in one job."""
    fire(spec())
    (rollout,) = continued(fire)["rollouts"]
    assert (rollout["state"], rollout["nodes"]["succeeded"]) == ("finished", 3)
    assert sorted(targets(quick)) == IDS


def test_the_run_that_ends_a_rollout_with_failed_nodes_says_so(fire: Fire, quick: Emulator) -> None:
    """With one sentence, and none for each of its jobs."""
    quick.state.failing_targets.add(IDS[0])
    fire(spec())
    reply = continued(fire)
    assert (reply["outcome"], reply["jobs"], len(reply["errors"])) == ("partial", [], 1)
    assert reply["errors"][0].endswith(" finished: 1 of 3 nodes failed")


def test_the_same_event_again_begins_nothing_new(fire: Fire, quick: Emulator) -> None:
    """Not even while all jobs of the rollout so far were refused."""
    refused: Any = {"operation": "CreateBatchJob", "fault": "status", "status": 400, "times": 1}
    quick.faults.set([refused])
    first = fire(spec())
    second = fire(spec())
    assert first["deliveries"] == second["deliveries"]
    continued(fire)
    assert sorted(targets(quick)) == sorted(set(targets(quick)))


def test_a_dropped_rollout_has_a_result_file_that_says_so(
    fire: Fire, drop: Drop, quick: Emulator
) -> None:
    """It is updated as the rollout proceeds."""
    lines = "\n".join(f"  - {one}" for one in IDS)
    text = f"kind: node_upgrade\nname: nightly\ntargets:\n  nodes:\n{lines}\nrollout: {{}}\n"
    fire(drop("drop/nightly.yaml", text.encode()))
    continued(fire)
    data = quick.state.buckets["nightdrop-drop"]["results/nightly.yaml.result.json"].data
    assert b'"outcome": "completed"' in data


def test_running_jobs_pause_and_resume_with_their_rollout(
    fire: Fire, emulator: Emulator, recorded: Recorded
) -> None:
    """If the spec says so: IEF is asked to pause them, once they run."""
    fleet = replace(emulator.state.simulation, job_seconds=600, speed=2000, parallelism=1)
    emulator.state.simulation = fleet
    fire(spec(waves=["100%"], running_jobs="pause", max_targets_per_job=3))
    name = fire(RECONCILE)["rollouts"][0]["name"]
    fire({"action": "rollout.pause", "rollout": name})

    def is_paused() -> bool:
        fire(RECONCILE)
        return "job.paused" in [one["action"] for one in recorded()]

    wait_for(is_paused)
    fire({"action": "rollout.resume", "rollout": name})
    assert emulator.state.requests[-1].operation == "RestoreBatchJob"


def test_an_unknown_rollout_is_rejected_with_what_is_similar(fire: Fire) -> None:
    """Recorded, and answered."""
    fire(spec())
    reply = fire({"action": "rollout.pause", "rollout": "weekly"})
    assert reply["outcome"] == "rejected"
    assert 'Nothing named "weekly"' in reply["errors"][0]


def test_an_unknown_rollout_leads_to_the_list_of_rollouts(fire: Fire) -> None:
    """Even where there is none yet."""
    reply = fire({"action": "rollout.approve", "rollout": "weekly"})
    assert "`nightdrop rollout list` shows what there is" in reply["errors"][0]


@pytest.mark.parametrize("status", ["Timed_out", "Failed", "Partially_successful"])
def test_a_job_that_ended_without_success_is_looked_at_again(status: str) -> None:
    """A slow node shows as failed, goes on, and succeeds: IEF's page of batch jobs says so."""
    log = RolloutLog()
    log.plan(named(3), RolloutSettings(waves=("1", "100%")))
    (job,) = log.advance().jobs
    log.create(job)
    log.end(job, {"id-00001"}, status)
    found = log.log.read(lambda view: jobs_that_may_succeed(view, log.rollout()))
    assert [one.key for one in found] == [job.key]


def test_a_rollout_that_was_stopped_since_it_was_listed_is_left_alone(
    environ: Environ, fire: Fire
) -> None:
    """Its template has left the log, which is no fault of the log."""
    fire(spec())
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        invocation = invocation_of(context, instance)
        (listed,) = instance.log.read(lambda view: view.open(9)).rollouts
        fire({"action": "rollout.stop", "rollout": listed.name})
        (standing,) = continue_rollouts([listed], invocation).standings
    assert (listed.state, standing.rollout.state) == ("running", "stopped")
    assert standing.waiting.word == "stopped"


def test_a_delivery_says_what_its_rollout_had_no_time_for(
    environ: Environ, fire_in: FireIn
) -> None:
    """As a run of the reconciler does."""
    reply = fire_in({**environ, "RUNTIME_TIMEOUT": "8"}, spec())
    assert reply["outcome"] == "deferred"
    assert reply["errors"][0].startswith("no time was left for rollout nightly")
    assert fire_in(environ, RECONCILE)["rollouts"][0]["state"] == "running"


def test_an_exchanged_template_is_not_sent_and_every_run_says_so(
    environ: Environ, fire: Fire, emulator: Emulator
) -> None:
    """Its digest is in the log; only a person can end the rollout."""
    path = environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
    with closing(SqliteLog(path)) as log:
        log.commit(hold("a test", actor={}))
        fire(spec())
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(
                "UPDATE outbox SET body = replace(body, 'node_upgrade', 'deployment_deploy')"
            )
        log.commit(release(actor={}))
    for _ in range(2):
        reply = fire(RECONCILE)
        assert reply["outcome"] == "deferred"
        assert "is not the one that was recorded; stop it with" in reply["errors"][0]
        assert reply["rollouts"][0]["waits"]["for"] == "stop"
    assert targets(emulator) == []
    assert fire({"action": "rollout.stop", "rollout": "nightly"})["outcome"] == "completed"
    assert fire(RECONCILE)["errors"] == []
