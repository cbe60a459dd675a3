"""A job that was created and failed on the fleet: commands report it and exit accordingly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from handler.emulator.server import Emulator

    Run = Callable[..., Result]
    Fire = Callable[[object], dict[str, Any]]
    Drop = Callable[..., Any]

SPEC = json.dumps(
    {
        "kind": "node_upgrade",
        "name": "hall",
        "targets": {"nodes": [{"id": "node-1"}, {"id": "node-2"}]},
    }
)
TICK = {"action": "reconcile"}


@pytest.fixture
def run(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command against a fleet on which every job is over at once."""
    monkeypatch.chdir(tmp_path)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIGHTDROP_AUDIT", "sqlite:///my.db")
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0)
    return lambda *arguments, text=None: CliRunner().invoke(main, [*arguments], input=text)


def in_words(done: Result) -> str:
    """Return the output of a command, in one line."""
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("failing", "word", "counts"),
    [({"node-1", "node-2"}, "failed", "0 of 2"), ({"node-1"}, "partly failed", "1 of 2")],
)
def test_a_failed_job_is_shown_and_is_no_success(
    run: Run, emulator: Emulator, failing: set[str], word: str, counts: str
) -> None:
    """By the reconciler run that reads it, by a repeat, and by every command that shows the log."""
    emulator.state.failing_targets |= failing
    assert run("invoke", "-", text=SPEC).exit_code == 0
    ticked, repeated = run("reconcile"), run("invoke", "-", text=SPEC)
    for done in (ticked, repeated):
        assert done.exit_code == 1
        assert f"{word} ({counts})" in in_words(done)
        assert f"{word} on the fleet, {counts} tasks succeeded: the edge node" in in_words(done)
    assert in_words(ticked).startswith("partial")
    assert in_words(repeated).startswith("duplicate")
    name = emulator.state.all_jobs()[0].name
    assert word in in_words(run("audit", "show", name))
    stats = json.loads(run("audit", "stats", "-ojson").stdout)
    assert stats["states"] == [{"state": word, "jobs": 1}]
    assert (stats["days"][0]["created"], stats["days"][0]["failed"]) == (1, 1)
    examined = in_words(run("doctor"))
    assert "1 job failed on the fleet in the last day" in examined
    assert run("reconcile").exit_code == 0  # a failure is reported once


def test_a_finished_job_is_shown_as_finished(run: Run) -> None:
    """It does not stay `created` indefinitely."""
    assert run("invoke", "-", text=SPEC).exit_code == 0
    ticked, repeated = run("reconcile"), run("invoke", "-", text=SPEC)
    assert (ticked.exit_code, repeated.exit_code) == (0, 0)
    assert "succeeded (2 of 2)" in in_words(ticked)
    assert "succeeded (2 of 2)" in in_words(repeated)
    assert "failed on the fleet" not in in_words(run("doctor"))


def test_a_result_file_shows_how_its_jobs_ended(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """With counts and reasons, for the person who dropped the file."""
    emulator.state.simulation = replace(emulator.state.simulation, job_seconds=0)
    emulator.state.failing_targets.add("node-1")
    event = drop("drop/hall.yaml", SPEC.encode())
    fire(event)
    reply = fire(TICK)
    kept = emulator.state.buckets["nightdrop-drop"]["results/hall.yaml.result.json"].data
    content = json.loads(kept)
    assert content["outcome"] == reply["outcome"] == "partial"
    (job,) = content["jobs"]
    assert (job["state"], job["finished"]) == ("partly failed", "Partially_successful")
    assert (job["tasks"], job["succeeded"]) == (2, 1)
    assert job["reason"] == "the edge node did not answer"
    assert "partly failed on the fleet, 1 of 2 tasks succeeded" in content["errors"][0]
    assert content["errors"] == reply["errors"] == fire(event)["errors"]


def test_a_job_that_the_reconciler_finds_refused_is_no_success(
    run: Run, emulator: Emulator
) -> None:
    """The reconciler reports it too, because its delivery may not be watched any more."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 403}])
    assert run("invoke", "-", text=SPEC).exit_code == 75
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 404}])
    ticked = run("reconcile")
    assert ticked.exit_code == 1
    assert "was refused: " in in_words(ticked)
