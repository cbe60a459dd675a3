"""Result files in the bucket: none left old, none signed late; the reconciler's report of them."""

from __future__ import annotations

import json
import time
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.job_end import shown_state
from handler.deliveries.approval import approve
from handler.deliveries.decisions import known_delivery
from handler.deliveries.reporting import report
from handler.emulator.server import Emulator
from handler.invocation.instance import invocation_of, open_instance
from handler.local.runtime.context import Context
from tests.conftest import dropping, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handler.invocation.invocation import Invocation

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    FireIn = Callable[[Environ, object], Reply]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
RESULT = "results/hall.yaml.result.json"
TICK = {"action": "reconcile"}


@contextmanager
def serving(environ: Environ) -> Iterator[Invocation]:
    """The services of an invocation."""
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        yield invocation_of(context, instance)


def stored(emulator: Emulator) -> Any:  # noqa: ANN401 - any JSON
    """Return the result file's content."""
    return json.loads(emulator.state.buckets["nightdrop-drop"][RESULT].data)


class Killed(BaseException):
    """The process ends here."""


class CrashingLog:
    """A log whose instance is killed before a chosen commit."""

    def __init__(self, log: Any, at: int) -> None:  # noqa: ANN401 - any log
        self._log, self._left = log, at

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the log has
        return getattr(self._log, name)

    def commit(self, decide: Any) -> Any:  # noqa: ANN401 - any decision
        """Commit, or die."""
        self._left -= 1
        if not self._left:
            raise Killed
        return self._log.commit(decide)


@pytest.mark.parametrize("at", [1, 2], ids=["before it begins", "before it is recorded"])
def test_a_late_writer_that_is_killed_leaves_no_old_file(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, at: int
) -> None:
    """It was suspended with an old state while the reconciler reported a newer one."""
    at_once = {**environ, "NIGHTDROP_SETTLE_AFTER": "0"}
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
    fire_in(at_once, drop("drop/hall.yaml", UPGRADE))
    assert stored(emulator)["jobs"][0]["state"] == "unknown"
    with serving(at_once) as invocation:
        (waiting,) = invocation.log.read(lambda view: view.open(9)).jobs
        old = invocation.log.read(lambda view: known_delivery(view, waiting.delivery))
        fire_in(at_once, TICK)
        dying: Any = CrashingLog(invocation.log, at)
        with suppress(Killed):
            report(old._replace(reported=0), invocation._replace(log=dying))
        fire_in(at_once, TICK)
        (job,) = invocation.log.read(lambda view: known_delivery(view, waiting.delivery)).jobs
    assert job.state == "adopted"
    assert stored(emulator)["jobs"][0]["state"] == shown_state(job)


def test_a_result_file_is_signed_before_it_is_started(
    emulator: Emulator, environ: Environ, drop: Drop, fire: Fire
) -> None:
    """A writer that is suspended in between comes too late, and is refused for its date."""
    emulator.faults.set([{"operation": "PutObject", "fault": "status", "status": 403}])
    fire(drop("drop/hall.yaml", UPGRADE))
    emulator.faults.set([])
    with serving(environ) as invocation:
        (run,) = invocation.log.read(lambda view: view.open(9).unreported)
        times = iter([invocation.obs.clock() - timedelta(minutes=16)])  # asked for once
        report(run, invocation._replace(ief=invocation.ief._replace(clock=lambda: next(times))))
        started = [r for r in invocation.log.records() if r.fields["action"] == "result.writing"]
    assert len(started) == 2
    assert RESULT not in emulator.state.buckets["nightdrop-drop"]


def test_the_reconciler_reports_that_a_result_file_cannot_be_written(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """It stays open, with its reason, and leaves one record of it, however many runs come."""
    emulator.faults.set([{"operation": "PutObject", "fault": "status", "status": 403}])
    fire(drop("drop/hall.yaml", UPGRADE))
    replies = [fire(TICK) for _ in range(4)]
    assert [reply["open"]["results"] for reply in replies] == [1, 1, 1, 1]
    assert {reply["outcome"] for reply in replies} == {"deferred"}
    assert "drop/hall.yaml is not written" in replies[-1]["errors"][0]
    actions = [record["action"] for record in recorded()]
    assert (actions.count("result.failed"), actions.count("result.writing")) == (1, 2)


def test_results_of_foreign_buckets_and_without_a_place_are_not_open(
    environ: Environ, drop: Drop, fire_in: FireIn
) -> None:
    """They will never be written."""
    unset = {name: value for name, value in environ.items() if name != "NIGHTDROP_RESULTS"}
    fire_in(unset, drop("drop/hall.yaml", UPGRADE))
    fire_in(unset, drop("drop/x", UPGRADE, bucket="another"))
    assert fire_in(unset, TICK)["open"]["results"] == 0


ROLLOUT = b"""
kind: node_upgrade
name: hall
targets: {nodes: [gateway-north-1, gateway-north-2, camera-yard-2]}
rollout: {waves: [1, "100%"], max_targets_per_job: 1, max_failed: "3"}
"""


def test_the_report_of_a_rollout_lies_beside_the_result_file(
    tmp_path: Path, fire_in: FireIn
) -> None:
    """The result file counts its jobs; the report comes once it has ended."""
    with Emulator(speed=10_000) as emulator:
        environ = environment(emulator, tmp_path)
        fire_in(environ, dropping(emulator)("drop/hall.yaml", ROLLOUT))
        first = stored(emulator)
        assert (first["outcome"], first["jobs"], first["errors"]) == ("submitted", [], [])
        assert first["rollouts"][0]["waits"]["for"] == "running"
        objects = emulator.state.buckets["nightdrop-drop"]
        assert not [name for name in objects if "report" in name]
        for _ in range(9):
            fire_in(environ, TICK)
            if "results/hall.yaml.report.md" in objects:
                break
        last = stored(emulator)
        assert last["outcome"] == "partial"
        assert last["errors"] == [
            f"rollout {last['rollouts'][0]['name']} finished: 1 of 3 nodes failed"
        ]
        report = json.loads(objects["results/hall.yaml.report.json"].data)
        assert [wave["nodes"] for wave in report["rollouts"][0]["waves"]] == [1, 2]
        assert objects["results/hall.yaml.report.md"].data.startswith(b"# Rollout ")


def test_a_file_in_a_folder_of_another_buckets_name_leaves_its_result_files_alone(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop
) -> None:
    """It is refused, and has no result file of its own: its place is taken."""
    both = {**environ, "NIGHTDROP_BUCKETS": "nightdrop-drop,team-b"}
    fire_in(both, drop("drop/app.yaml", UPGRADE, bucket="team-b"))
    files = emulator.state.buckets["nightdrop-drop"]
    before = files["results/team-b/app.yaml.result.json"].data
    assert fire_in(both, drop("drop/team-b/app.yaml", UPGRADE))["outcome"] == "rejected"
    fire_in(both, TICK)
    assert files["results/team-b/app.yaml.result.json"].data == before


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "its answer was lost"])
def test_a_file_that_was_written_again_after_its_approval_waits_no_more(
    emulator: Emulator, environ: Environ, fire: Fire, drop: Drop, *, is_lost: bool
) -> None:
    """The result file said that it waits, or may say so yet; now it says why it is not run."""
    policy = Path(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")).with_name("policy.yaml")
    policy.write_text("rules: [{approval: required}]")
    environ |= {"NIGHTDROP_POLICY": str(policy), "NIGHTDROP_SWEEP_FROM": "2100-01-01T00:00:00Z"}
    environ["NIGHTDROP_SETTLE_AFTER"] = "0"
    event = drop("drop/hall.yaml", UPGRADE)
    event["Records"][0]["obs"]["object"]["eTag"] = md5(UPGRADE, usedforsecurity=False).hexdigest()
    if is_lost:
        emulator.faults.set([{"operation": "PutObject", "fault": "lost_answer", "times": 1}])
    fire(event)
    waits = stored(emulator)
    with serving(environ) as invocation:
        (run,) = invocation.log.read(lambda view: view.awaiting())
        invocation.log.commit(approve([run.key], run.digest, actor={"kind": "operator"}))
    drop("drop/hall.yaml", UPGRADE + b"\n")  # and its event is lost
    assert fire(TICK)["open"]["results"] == 0
    ignored = stored(emulator)
    assert (bool(run.reported), waits["outcome"]) == (not is_lost, "awaiting")
    assert ignored["outcome"] == "ignored"
    assert ignored["warnings"][0].startswith("source changed: the object was written again")
