"""`nightdrop status`, over a night with a job that failed and one that waits."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.audit.sql.sqlite import SqliteLog
from handler.cli.main import main
from handler.values.canonical_json import timestamp, utc_now
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Tick = Callable[..., Reply]
    Run = Callable[..., Result]

SPEC = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": ["gateway-north-1"]}}
FAILING = {"kind": "node_upgrade", "name": "yard", "targets": {"nodes": ["camera-yard-2"]}}
TICK = {"action": "reconcile"}


@pytest.fixture
def run(environ: Environ, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with the settings of the function."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments, **more: CliRunner().invoke(main, ["status", *arguments], env=more)


def seen(run: Run, **environ: str) -> dict[str, Any]:
    """Return the overview as JSON."""
    result = run("-o", "json", **environ)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_what_runs_has_the_progress_that_ief_shows(run: Run, fire: Fire) -> None:
    """In one line; nothing else is open."""
    name = fire(SPEC)["jobs"][0]["job_name"]
    result = run()
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[:3]] == [
        "Waiting",
        "Running",
        "name",
    ]
    (running,) = seen(run)["running"]
    assert (running["name"], running["progress"]) == (name, "0 of 1")


def test_a_job_that_ief_shows_as_failed_is_no_running_job(run: Run, fire: Fire) -> None:
    """And exit status 1, before the reconciler records it."""
    name = fire(FAILING)["jobs"][0]["job_name"]
    wait_for(lambda: "Ended" in run().stdout)
    assert run().exit_code == 1
    lines = run().stdout.splitlines()
    assert "Running        nothing" in lines
    assert "Ended, and to be recorded by the reconciler (1)" in lines
    assert name in run().stdout


def test_what_failed_in_the_last_day_has_its_reason(run: Run, fire: Fire) -> None:
    """And is exit status 1."""
    fire(FAILING)
    for _ in range(100):
        fire(TICK)
        if seen(run)["failed"]:
            break
    result = run()
    assert result.exit_code == 1
    assert "the edge node is in state FAIL" in result.stdout


def test_what_waits_has_its_reason(run: Run, emulator: Emulator, fire: Fire) -> None:
    """Such as a service that is not there."""
    fault = {"operation": "CreateBatchJob", "fault": "status"}
    emulator.faults.set([{**fault, "status": 403}])
    fire(SPEC)
    (waiting,) = seen(run)["waiting"]
    assert waiting["state"] == "deferred"
    assert "IEF answered 403" in waiting["note"]


def test_the_name_and_the_state_of_what_waits_are_whole(
    run: Run, emulator: Emulator, fire: Fire
) -> None:
    """In a pipe the reason is, too; on a terminal that is what is cropped."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 403}])
    name = fire({**SPEC, "name": "a-hall-by-the-sea"})["jobs"][0]["job_name"]
    (waiting,) = seen(run)["waiting"]
    (line,) = (line for line in run().stdout.splitlines() if line.startswith(name))
    assert line.split()[:2] == [name, "deferred"]
    assert line.endswith(waiting["note"])
    shown = run(FORCE_COLOR="1", COLUMNS="60", TERM="xterm").stdout
    assert re.search(rf"{name}  deferred .*…", shown)


def test_the_command_that_approves_what_waits_is_whole_on_a_narrow_terminal(
    run: Run, environ: Environ, fire_in: Callable[[Environ, object], Reply], tmp_path: Path
) -> None:
    """A person copies it; in a pipe the reason that has it is whole."""
    policy = tmp_path / "policy.json"
    policy.write_text('{"rules": [{"from": {"direct": true}, "approval": "required"}]}')
    reply = fire_in({**environ, "NIGHTDROP_POLICY": str(policy)}, SPEC)
    command = f"nightdrop approve {reply['deliveries'][0]}"
    assert command in run(FORCE_COLOR="1", COLUMNS="80", TERM="xterm").stdout.splitlines()
    assert run().stdout.count(command) == 1


def test_what_has_no_room_is_in_the_json(run: Run, fire: Fire) -> None:
    """Deliveries that are not planned yet are no jobs, so the list of jobs has none of them."""
    for number in range(10):
        fire({**SPEC, "name": f"hall-{number}"})
    assert "and 2 more: `nightdrop status -o json` has all" in run().stdout
    assert len(seen(run)["running"]) == 10


def test_a_hold_comes_first(run: Run, fire: Fire) -> None:
    """With its reason; exit status 1."""
    fire(SPEC)
    CliRunner().invoke(main, ["hold", "--reason", "freeze"])
    result = run()
    assert result.exit_code == 1
    assert result.stdout.startswith("Sending is on hold: freeze")


def test_a_timer_has_its_latest_tick_and_the_next_one(run: Run, fire: Fire, tick: Tick) -> None:
    """As far as the last two tell how often it fires."""
    now = utc_now().replace(microsecond=0)
    for hours in (30, 6):
        fire({**tick(json.dumps(SPEC)), "time": (now - timedelta(hours=hours)).isoformat()})
    (timer,) = seen(run)["ticks"]
    expected = timestamp(now - timedelta(hours=6)), timestamp(now + timedelta(hours=18))
    assert (timer["latest"], timer["expected"]) == expected


def test_the_latest_examination_is_shown(run: Run, fire: Fire) -> None:
    """The event leaves a record of it."""
    assert seen_before(run, fire) == ""
    fire({"action": "doctor"})
    assert "in order" in seen(run)["examined"]


def seen_before(run: Run, fire: Fire) -> str:
    """Return what is shown of an examination before there is one."""
    fire(SPEC)
    return str(seen(run)["examined"])


def test_without_a_network_the_part_of_the_log_is_shown(run: Run, fire: Fire) -> None:
    """And a line on standard error says why the rest is not."""
    fire(SPEC)
    result = run(NIGHTDROP_IEF_ENDPOINT="http://127.0.0.1:9")
    assert result.exit_code == 0
    assert "IEF is not asked: no connection to 127.0.0.1" in result.stderr
    assert "Running (1)" in result.stdout


@pytest.mark.parametrize("command", [["status"], ["jobs", "list"]])
def test_an_empty_log_says_what_to_do(tmp_path: Path, command: list[str]) -> None:
    """A log without a record: exit status 2, one sentence."""
    SqliteLog(str(tmp_path / "empty.db")).close()
    address = f"sqlite:///{tmp_path}/empty.db"
    result = CliRunner().invoke(main, [*command, "--audit", address])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "this audit log is empty; run the function once" in result.stderr


@pytest.mark.parametrize(
    ("address", "error"),
    [("sqlite:///empty.db", "no audit log"), ("nope", "sqlite:///"), ("", "no log named")],
)
def test_without_a_log_it_says_so(run: Run, address: str, error: str) -> None:
    """Exit status 2, one sentence."""
    result = run("--audit", address)
    assert result.exit_code == 2
    assert error in result.output


def test_a_tick_of_the_far_future_does_no_harm(run: Run, fire: Fire, tick: Tick) -> None:
    """An event may say any time, and its record stays."""
    for time in ("2026-11-24T02:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        fire({**tick(json.dumps(SPEC)), "time": time})
    assert run().exit_code in {0, 1}
    (timer,) = seen(run)["ticks"]
    assert timer["latest"].startswith("2026-11-24T02")
