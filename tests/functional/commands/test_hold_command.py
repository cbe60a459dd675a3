"""The commands of an operator: hold, release, abandon, reconcile."""

from __future__ import annotations

import getpass
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from handler.emulator.server import Emulator

    Run = Callable[..., Result]

SPEC = '{"kind": "node_upgrade", "name": "hall", "targets": {"nodes": [{"id": "node-1"}]}}'
RECORDS = "SELECT json_extract(record, '$.action'), json_extract(record, '$.actor.kind'), record"


@pytest.fixture
def run(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command against the emulator, with a log of its own."""
    monkeypatch.chdir(tmp_path)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIGHTDROP_AUDIT", "sqlite:///my.db")

    def nightdrop(*arguments: str, text: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, [*arguments], input=text, env=more)

    return nightdrop


def recorded(folder: Path) -> list[tuple[str, str, str]]:
    """Return action, kind of actor and text of every record."""
    with closing(sqlite3.connect(folder / "my.db")) as log:
        return log.execute(f"{RECORDS} FROM records ORDER BY seq").fetchall()


def job_name(folder: Path) -> str:
    """Return the name of the only job."""
    with closing(sqlite3.connect(folder / "my.db")) as log:
        return str(log.execute("SELECT name FROM jobs").fetchone()[0])


def test_what_does_not_await_approval_is_answered_with_what_became_of_it(
    run: Run, tmp_path: Path
) -> None:
    """A delivery that is known is not called unknown."""
    rules = {"rules": [{"from": {"direct": True}, "approval": "required"}]}
    (tmp_path / "policy.json").write_text(json.dumps(rules))
    policy = {"NIGHTDROP_POLICY": str(tmp_path / "policy.json")}
    awaiting = run("invoke", "-", text=SPEC, **policy)
    assert "awaiting" in awaiting.stdout, awaiting.output
    assert run("approve", "direct").stdout.startswith("Approved: SHA-256 ")
    again = run("approve", "direct")
    assert (again.exit_code, "it is approved already" in again.stderr) == (1, True)
    run("reconcile", **policy)
    planned = run("approve", job_name(tmp_path))
    assert (planned.exit_code, "it is approved already" in planned.stderr) == (1, True)
    unknown = run("approve", "nothing-of-that")
    assert (unknown.exit_code, "Nothing named" in unknown.stderr) == (1, True)


def test_a_hold_stops_all_sending_until_it_is_released(
    run: Run, emulator: Emulator, tmp_path: Path
) -> None:
    """With its reason and the operator on record; the reconciler run after the release resumes."""
    assert run("invoke", "-", text="[]").exit_code == 1
    held = run("hold", "--reason", "freeze until Monday")
    assert (held.exit_code, held.stdout.splitlines()) == (
        0,
        [
            "Sending is on hold (freeze until Monday).",
            "Jobs that wait for longer than they are valid (valid_for) expire.",
        ],
    )
    assert run("hold").stdout.startswith("Already on hold (reason: freeze until Monday).\n")
    again = run("hold", "--reason", "until Tuesday").stdout
    assert "(reason: freeze until Monday); new reason recorded." in again
    listed = run("audit", "list").stdout
    assert f"until Tuesday, by {getpass.getuser()}" in listed
    assert run("invoke", "-", text=SPEC).exit_code == 75
    assert run("reconcile").exit_code == 75
    assert len(emulator.state.jobs) == 0
    assert run("release").stdout == "Hold released (it was: until Tuesday).\n"
    assert run("release").stdout == "Nothing was on hold.\n"
    released = run("audit", "list").stdout.splitlines()[-1]
    assert released.rstrip().endswith(f"  by {getpass.getuser()}")
    assert "created" in run("reconcile").stdout
    assert len(emulator.state.jobs) == 1
    story = [(action, kind) for action, kind, _ in recorded(tmp_path) if action[:7] == "sending"]
    assert story == [
        *[("sending.held", "operator")] * 2,
        ("sending.released", "operator"),
    ]


def test_reconcile_says_that_sending_is_on_hold_while_something_waits_for_that(run: Run) -> None:
    """With the reason, and what to do; not where nothing is to be sent."""
    said = "• sending is on hold (freeze); `nightdrop release` releases it\n"
    assert run("invoke", "-", text="[]").exit_code == 1
    run("hold", "--reason", "freeze")
    idle = run("reconcile")
    run("invoke", "-", text=SPEC)
    waits = run("reconcile")
    run("release")
    assert [said in one.stdout for one in (idle, waits, run("reconcile"))] == [False, True, False]


def test_reconcile_ends_with_75_while_anything_is_open(run: Run, emulator: Emulator) -> None:
    """So that a shell's loop can wait for the end."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=500)
    assert run("reconcile").exit_code == 0
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
    assert run("invoke", "-", text=SPEC).exit_code == 75
    adopted = run("reconcile", NIGHTDROP_SETTLE_AFTER="1")
    assert "adopted" in adopted.stdout
    assert adopted.exit_code == 75  # it still runs
    assert "• 1 job still runs on the fleet\n" in adopted.stdout
    jobs = emulator.state.jobs
    for key, one in jobs.items():
        jobs[key] = replace(
            one, runs=tuple(replace(run, started=run.started - 600) for run in one.runs)
        )
    done = run("reconcile", "-ojson")
    assert (done.exit_code, '"finished": "Successful"' in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "call",
    [
        *("hold", "release", "audit list", "audit show x"),
        *("jobs list", "jobs show x", "jobs watch x", "jobs pause x", "jobs abandon x"),
    ],
)
def test_a_missing_log_is_reported_alike_by_all_commands(run: Run, call: str) -> None:
    """One prefix, one sentence, one exit status."""
    done = run(*call.split())
    assert (done.exit_code, done.stderr.splitlines()[0]) == (
        2,
        run("audit", "stats").stderr.splitlines()[0],
    )
    assert done.stderr.startswith("nightdrop: ")


def test_a_job_list_that_cannot_be_read_is_reported(run: Run, emulator: Emulator) -> None:
    """With the jobs that wait for it."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
    assert run("invoke", "-", text=SPEC).exit_code == 75
    emulator.faults.set([{"operation": "ListBatchJob", "fault": "status", "status": 500}])
    done = run("reconcile", NIGHTDROP_SETTLE_AFTER="1")
    assert done.exit_code == 75
    assert "• could not list jobs to settle unknown ones: " in done.stdout
    assert "• 1 job is not settled yet\n" in done.stdout


def test_an_abandoned_job_is_never_sent(run: Run, emulator: Emulator, tmp_path: Path) -> None:
    """The operator and the reason are in the log."""
    assert run("invoke", "-", text=SPEC, RUNTIME_TIMEOUT="3").exit_code == 75
    done = run("jobs", "abandon", job_name(tmp_path), "--reason", "not wanted any more")
    assert (done.exit_code, done.stdout) == (0, f"job {job_name(tmp_path)} is abandoned\n")
    assert run("reconcile").exit_code == 0
    assert len(emulator.state.jobs) == 0
    (kept,) = [one for one in recorded(tmp_path) if one[0] == "job.abandoned"]
    assert kept[1] == "operator"
    assert "not wanted any more" in kept[2]
    shown = run("audit", "show", job_name(tmp_path)).stdout
    assert f"by {getpass.getuser()}" in shown
    (day,) = json.loads(run("audit", "stats", "-ojson").stdout)["days"]
    assert (day["refused"], day["abandoned"]) == (0, 1)


def test_a_job_that_was_created_cannot_be_abandoned(run: Run, tmp_path: Path) -> None:
    """It is on the fleet; the exit status shows it, and an unknown job causes no traceback."""
    assert run("invoke", "-", text=SPEC).exit_code == 0
    done = run("jobs", "abandon", job_name(tmp_path))
    assert done.exit_code == 1
    assert "cannot be abandoned: it is created" in done.stderr
    unknown = run("jobs", "abandon", "no-such-job")
    assert unknown.exit_code == 1
    assert "Traceback" not in unknown.stderr
