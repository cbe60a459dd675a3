"""`nightdrop jobs` against the emulator: each command in good and in bad conditions."""

from __future__ import annotations

import getpass
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.audit.name_lookup import find_job
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from handler.jobs.decisions import Created, record
from handler.jobs.operations import OPERATIONS
from tests.conftest import environment
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from handler.emulator.server import Emulator

    Fire = Callable[[dict[str, str], object], dict[str, Any]]

NODES = [f"5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d1{number}" for number in range(4)]
COLOURS, MOVES = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
KEY = "HUAWEICLOUD_SDK_SK"
NOWHERE = "http://127.0.0.1:9"
ACTIONS = "SELECT json_extract(record, '$.action') FROM records WHERE seq > 0 ORDER BY seq"
ACTORS = "SELECT DISTINCT json_extract(record, '$.actor') FROM records WHERE record LIKE ?"


COPY = "ffffffff-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Site:
    """A log with one job that runs on an emulated fleet.

    Attributes:
        cloud: The emulator.
        environ: The command's environment.
        name: The job's name.
        fire_in: Hands an event to the function.
    """

    cloud: Emulator
    environ: dict[str, str]
    name: str
    fire_in: Fire

    def run(self, *arguments: str, **more: str) -> Result:
        """Run a command of `nightdrop jobs`."""
        return CliRunner().invoke(main, ["jobs", *arguments], env={**self.environ, **more})

    def fire(self, event: object) -> dict[str, Any]:
        """Hand an event to the function."""
        return self.fire_in(self.environ, event)

    def age(self, seconds: float) -> None:
        """Let every job be older."""
        jobs = self.cloud.state.jobs
        for job_id, job in jobs.items():
            runs = tuple(replace(run, started=run.started - seconds) for run in job.runs)
            jobs[job_id] = replace(job, runs=runs)

    def prepare(self, name: str) -> None:
        """Bring the job to where an operation is possible."""
        if name in {"pause", "delete"}:
            return
        if name == "resume":
            assert self.run("pause", self.name).exit_code == 0
        self.age(900)
        if name == "retry":
            self.fire({"action": "reconcile"})

    def query(self, sql: str, *values: str) -> list[Any]:
        """Return the first column of a query on the log."""
        path = self.environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as log:
            return [row[0] for row in log.execute(sql, values)]

    def actions(self) -> list[str]:
        """Return the actions of all records."""
        return self.query(ACTIONS)

    def duplicate(self) -> None:
        """Record that the job exists once more at IEF."""
        with closing(SqliteLog(self.environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))) as log:
            job = log.read(lambda view: find_job(view, self.name))
            log.commit(record(job.key, job.attempt, Created(COPY)))


@pytest.fixture
def site(
    emulator: Emulator, tmp_path: Path, fire_in: Fire, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """A job with two tasks, one of which will fail, 300 of its 1000 seconds old."""
    monkeypatch.chdir(tmp_path)
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=1000)
    emulator.state.failing_targets.add(NODES[1])
    environ = environment(emulator, tmp_path)
    spec = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": NODES[:2]}}
    [job] = fire_in(environ, spec)["jobs"]
    opened = Site(emulator, environ, str(job["job_name"]), fire_in)
    opened.age(300)
    return opened


def test_a_job_is_listed_with_its_progress(site: Site) -> None:
    """The log's part and IEF's in one row; once it ended, how."""
    columns, row = site.run("list").stdout.splitlines()
    assert columns.split() == [
        "name",
        "kind",
        "state",
        "progress",
        "asked",
        "by",
        "changed",
        "reason",
    ]
    assert row.split()[:6] == [site.name, "node_upgrade", "running", "0", "of", "2"]
    site.age(900)
    site.fire({"action": "reconcile"})
    [found] = map(json.loads, site.run("list", "-o", "json").stdout.splitlines())
    assert (found["state"], found["progress"]) == ("failed", "0 of 2, 2 failed")
    assert site.run("list", "-o", "name", "--state", "failed").stdout == f"{site.name}\n"
    empty = site.run("list", "--state", "running")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "No job matches.\n")


def test_all_lists_the_jobs_of_others_too(site: Site) -> None:
    """Those at IEF that no record is about."""
    site.cloud.state.create_job({"job_name": "by-hand", "job_type": "node_upgrade"})
    rows = site.run("list", "--all", "-o", "json").stdout.splitlines()
    assert [json.loads(row)["asked by"] for row in rows] == ["a call", "others"]
    assert len(site.run("list").stdout.splitlines()) == 2


def test_a_job_is_shown_with_its_tasks(site: Site) -> None:
    """Counted, with the fleet's reasons."""
    site.age(900)
    shown = site.run("show", "hall")
    assert (shown.exit_code, "2 Timed_out" in shown.stdout) == (0, True)
    tasks = json.loads(site.run("show", "hall", "-o", "json").stdout)["tasks"]
    assert [one["status"] for one in tasks] == ["Timed_out"] * 2
    assert site.run("show", "hall", "-o", "name").stdout == f"{site.name}\n"


def test_a_job_is_watched_to_its_end(site: Site) -> None:
    """A line for each change; the exit status says how it ended, or that it has not."""
    running = site.run("watch", "hall", "--timeout", "0")
    assert (running.exit_code, running.stdout) == (75, f"{site.name}  running  0 of 2\n")
    site.age(900)
    ended = site.run("watch", "hall")
    assert (ended.exit_code, ended.stdout) == (1, f"{site.name}  failed  0 of 2, 2 failed\n")
    site.cloud.state.failing_targets.clear()
    site.cloud.state.simulation = replace(site.cloud.state.simulation, job_seconds=0.2)
    site.fire({"kind": "node_upgrade", "name": "quick", "targets": {"nodes": NODES[:1]}})
    well = site.run("watch", "quick", "--interval", "0.1")
    assert (well.exit_code, well.stdout.splitlines()[-1].split()[1:]) == (
        *(0, ["succeeded", "1", "of", "1"]),
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_done_once_with_the_operator_on_record(site: Site, name: str) -> None:
    """A second time there is nothing to do, or nothing that can be done."""
    site.prepare(name)
    extra = ["--yes"] if name == "delete" else []
    done = site.run(name, "hall", "--reason", "ticket 4711", *extra)
    participle = OPERATIONS[name].participle
    assert (done.exit_code, done.stdout) == (0, f"job {site.name} is {participle}\n")
    assert site.actions()[-2:] == [OPERATIONS[name].claimed, OPERATIONS[name].done]
    [actor] = site.query(ACTORS, f"%job.{participle}%")
    assert json.loads(actor) == {"kind": "operator", "name": getpass.getuser()}
    before = site.actions()
    again = site.run(name, "hall", *extra)
    assert again.exit_code == (1 if name == "retry" else 0)
    assert site.actions() == before


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_event_does_the_same_as_the_command(site: Site, name: str) -> None:
    """With whoever may invoke the function as the actor; the reply has the job."""
    site.prepare(name)
    reply = site.fire({"action": f"job.{name}", "job": site.name, "reason": "why"})
    assert (reply["outcome"], reply["errors"]) == ("completed", [])
    assert [job["job_name"] for job in reply["jobs"]] == [site.name]
    assert '{"kind":"caller"}' in site.query(ACTORS, f"%{OPERATIONS[name].claimed}%")


def test_a_deletion_is_asked_about(site: Site) -> None:
    """No answer is no."""
    assert site.run("delete", "hall").exit_code == 2
    no = CliRunner().invoke(main, ["jobs", "delete", "hall"], input="n\n", env=site.environ)
    assert (no.exit_code, len(site.cloud.state.jobs)) == (1, 1)
    assert site.name in no.stdout


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_lost_answer_is_settled_at_once_or_by_the_reconciler(site: Site, name: str) -> None:
    """The operation was executed, and is on record as done."""
    site.prepare(name)
    call = OPERATIONS[name].call
    site.cloud.faults.set([{"operation": call, "fault": "lost_answer", "times": 1}])
    extra = ["--yes"] if name == "delete" else []
    lost = site.run(name, "hall", *extra, RUNTIME_TIMEOUT="13")
    if name != "delete":
        assert (lost.exit_code, site.actions()[-1]) == (0, OPERATIONS[name].done)
        return
    # That it is gone is believed only once the API cannot lag behind any more.
    assert (lost.exit_code, "the reconciler settles it" in lost.stderr) == (75, True)
    assert site.run(name, "hall", *extra).exit_code == 1
    assert site.actions()[-1] == "job.deleting"


def test_two_instances_at_once_pause_a_job_once(site: Site) -> None:
    """The other one says that it is being paused, or that it is."""
    site.cloud.faults.set([{"operation": "StopBatchJob", "fault": "delay", "seconds": 0.3}])
    command = [sys.executable, "-m", "handler.cli", "jobs", "pause", "hall"]
    both = [subprocess.Popen(command, env={**os.environ, **site.environ}) for _ in range(2)]
    statuses = sorted(one.wait(60) for one in both)
    calls = [one.operation for one in site.cloud.state.requests]
    assert calls.count("StopBatchJob") == 1
    assert statuses in ([0, 0], [0, 1])
    assert site.actions().count("job.pausing") == site.actions().count("job.paused") == 1


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    ("bad", "status", "sentence"),
    [
        ({"NIGHTDROP_IEF_ENDPOINT": NOWHERE}, 1, "no connection to 127.0.0.1"),
        ({KEY: "wrong"}, 1, "IEF.011005"),
        ({KEY: ""}, 1, "no credentials"),
        ({"NIGHTDROP_REGION": "", "NIGHTDROP_IEF_ENDPOINT": ""}, 2, "NIGHTDROP_REGION is missing"),
    ],
    ids=["no network", "wrong keys", "no keys", "no settings"],
)
def test_an_operation_that_cannot_be_sent_says_why(
    site: Site, name: str, bad: dict[str, str], status: int, sentence: str
) -> None:
    """And the job is left as it was."""
    site.prepare(name)
    extra = ["--yes"] if name == "delete" else []
    done = site.run(name, "hall", *extra, **bad)
    assert (done.exit_code, sentence in done.stderr) == (status, True), done.stderr
    assert len(site.cloud.state.jobs) == 1
    assert site.query("SELECT operation FROM jobs") == [""]


@pytest.mark.parametrize("name", OPERATIONS)
def test_without_the_right_an_operation_is_on_record_as_not_done(site: Site, name: str) -> None:
    """It may be tried again once the right is given."""
    site.prepare(name)
    site.cloud.faults.set([{"operation": OPERATIONS[name].call, "fault": "status", "status": 403}])
    extra = ["--yes"] if name == "delete" else []
    done = site.run(name, "hall", *extra)
    assert (done.exit_code, "may be tried again" in done.stderr) == (1, True)
    assert site.actions()[-1] == "job.unchanged"
    site.cloud.faults.set([])
    assert site.run(name, "hall", *extra).exit_code == 0


@pytest.mark.parametrize("bad", [{"NIGHTDROP_IEF_ENDPOINT": NOWHERE}, {KEY: "wrong"}, {KEY: ""}])
@pytest.mark.parametrize("command", ["list", "list --all", "show hall", "watch hall --timeout 0"])
def test_the_logs_part_is_shown_without_ief(site: Site, command: str, bad: dict[str, str]) -> None:
    """A line on standard error says that IEF does not tell, and why."""
    done = site.run(*command.split(), **bad)
    assert done.exit_code == (75 if "watch" in command else 0)
    assert site.name in done.stdout
    assert "created" in done.stdout
    assert done.stderr.startswith("nightdrop: IEF is not asked: ")


@pytest.mark.parametrize("command", ["show", "watch", *OPERATIONS, "abandon"])
def test_an_unknown_or_ambiguous_job_is_an_error(site: Site, command: str) -> None:
    """With similar names, or all that are meant; nothing is recorded."""
    site.fire({"kind": "node_upgrade", "name": "hall", "targets": {"nodes": NODES[3:]}})
    before = site.actions()
    unknown, several = site.run(command, "hell-37"), site.run(command, "hall-")
    assert (unknown.exit_code, several.exit_code) == (1, 1)
    assert "Similar: " in unknown.stderr
    assert site.name in unknown.stderr
    assert several.stderr.count("(job ") == 2
    assert site.actions() == before


@pytest.mark.parametrize("command", ["list", "list --all", "show hall", "watch hall --timeout 0"])
def test_a_narrow_terminal_shows_what_fits(site: Site, command: str) -> None:
    """Sixty columns: the name and the state; what has no room is left out."""
    done = site.run(*command.split(), FORCE_COLOR="1", COLUMNS="60", TERM="xterm")
    lines = MOVES.sub("\n", COLOURS.sub("", done.stdout)).splitlines()
    assert max(map(len, lines)) <= 60
    assert site.name in "".join(lines)
    assert "running" in "".join(lines)


def test_a_job_that_exists_twice_is_shown_by_the_id_of_either_copy(site: Site) -> None:
    """A notice may have named the other one."""
    site.duplicate()
    assert site.run("show", COPY, "-o", "name").stdout == f"{site.name}\n"
    shown = CliRunner().invoke(main, ["audit", "show", COPY], env=site.environ)
    assert site.name in shown.stdout


def test_an_operation_on_the_other_copy_of_a_job_says_which_is_deleted_first(site: Site) -> None:
    """It never is on another copy than the one that was named."""
    site.duplicate()
    (first,) = site.query("SELECT job_id FROM jobs")
    for call in (["delete", COPY, "--yes"], ["abandon", COPY[:12]]):
        refused = site.run(*call)
        assert refused.exit_code == 1
        assert f"{COPY} is another copy of job {site.name}" in refused.stderr
        assert f"`nightdrop jobs delete {site.name}` deletes {first}" in refused.stderr
    reply = site.fire({"action": "job.delete", "job": COPY})
    assert (reply["outcome"], "is another copy" in reply["errors"][0]) == ("rejected", True)
    assert site.actions()[-2:] == ["job.duplicated", "event.rejected"]


def test_an_event_about_an_unknown_job_is_rejected_with_similar_names(site: Site) -> None:
    """It is on record, like every event that cannot be used."""
    reply = site.fire({"action": "job.pause", "job": "hell-37"})
    assert (reply["outcome"], site.name in reply["errors"][0]) == ("rejected", True)
    assert site.actions()[-1] == "event.rejected"


def test_a_late_copy_of_an_event_with_its_time_changes_nothing(site: Site) -> None:
    """The job was retried and failed again; a copy without its time would retry it once more."""
    site.prepare("retry")
    site.cloud.state.simulation = replace(site.cloud.state.simulation, job_seconds=0.1)
    asked_at = datetime.now(timezone.utc).isoformat()
    retry = {"action": "job.retry", "job": site.name, "asked_at": asked_at}
    assert site.fire(retry)["outcome"] == "completed"
    wait_for(lambda: site.fire({"action": "reconcile"}) and site.actions()[-1] == "job.finished")
    before = site.actions()
    copy = site.fire(retry)
    assert (copy["outcome"], "look at it, and ask again" in copy["errors"][0]) == ("rejected", True)
    assert site.actions() == before
    without = site.fire({"action": "job.retry", "job": site.name})
    assert without["outcome"] == "completed"


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_job_of_others_is_not_touched(site: Site, name: str) -> None:
    """Neither by its id nor by its name: only ids of the log are sent."""
    other = site.cloud.state.create_job({"job_name": "by-hand", "job_type": "node_upgrade"})
    for what in (other.job_id, "by-hand"):
        assert site.fire({"action": f"job.{name}", "job": what})["outcome"] == "rejected"
        assert site.run(name, what).exit_code == 1
    forged = {"action": f"job.{name}", "job": site.name, "actor": {"kind": "operator"}}
    assert site.fire(forged)["outcome"] == "rejected"
    assert site.cloud.state.jobs[other.job_id] == other


@pytest.mark.parametrize("command", ["list", "show x", "watch x", "pause x", "abandon x"])
def test_an_empty_log_is_an_error(site: Site, tmp_path: Path, command: str) -> None:
    """After a typing error in its address an empty table would be believed."""
    address = f"sqlite:///{tmp_path}/other.db"
    missing = site.run(*command.split(), NIGHTDROP_AUDIT=address)
    assert (missing.exit_code, "there is no audit log" in missing.stderr) == (2, True)
    assert not (tmp_path / "other.db").exists()
    assert site.run("list", NIGHTDROP_AUDIT="").exit_code == 2


def test_a_job_that_was_not_created_is_abandoned_and_no_other(site: Site) -> None:
    """Without keys or a network: it needs the log alone."""
    created = site.run("abandon", "hall", **{KEY: ""})
    assert (created.exit_code, "nightdrop jobs delete" in created.stderr) == (1, True)
    site.cloud.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 403}])
    spec = {"kind": "node_upgrade", "name": "later", "targets": {"nodes": NODES[:1]}}
    [job] = site.fire(spec)["jobs"]
    for sentence in ("is abandoned", "is abandoned already"):
        done = site.run("abandon", "later", **{KEY: ""})
        assert (done.exit_code, done.stdout) == (0, f"job {job['job_name']} {sentence}\n")
    assert site.actions().count("job.abandoned") == 1
    reply = site.fire({"action": "job.abandon", "job": "later"})
    assert reply["outcome"] == "completed"
