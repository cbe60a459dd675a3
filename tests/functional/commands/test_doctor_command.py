"""`nightdrop doctor`, as an operator uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Environ = dict[str, str]
    Run = Callable[..., Result]


@pytest.fixture
def run(environ: Environ, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with the settings of the test, and others given by name."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NIGHTDROP_CHECKPOINTS", "obs://nightdrop-drop/heads/")
    return lambda *arguments, **settings: CliRunner().invoke(
        main, ["doctor", *arguments], env=settings
    )


def checks(done: Result) -> dict[str, Any]:
    """Return the verdict on each check that found something."""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["check"]: one["verdict"] for one in found if one["verdict"] != "ok"}


def test_a_good_deployment_passes(run: Run) -> None:
    """Exit status 0, a line for each check."""
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert "drop bucket" in done.stdout


def test_warnings_alone_are_no_error(run: Run) -> None:
    """They are printed, with what to do."""
    done = run("-ojson", NIGHTDROP_SETTLE_AFTER="1")
    assert (done.exit_code, checks(done)) == (0, {"settings": "warn"})


def test_wrong_settings_are_findings(run: Run) -> None:
    """All of them; there is nothing else to look at."""
    done = run("-ojson", NIGHTDROP_SENDERS="none", NIGHTDROP_TYPO="1")
    assert (done.exit_code, checks(done)) == (1, {"settings": "fail"})
    assert len(done.stdout.splitlines()) == 2


def test_a_log_that_cannot_be_opened_is_a_finding(run: Run) -> None:
    """The cloud is checked nevertheless."""
    done = run("-ojson", NIGHTDROP_AUDIT="sqlite:////nowhere/audit.db")
    assert (done.exit_code, checks(done)) == (1, {"log": "fail"})
    assert '"IEF jobs"' in done.stdout


def test_wrong_keys_are_found_and_not_shown(run: Run) -> None:
    """A refusal by IEF or OBS is reported differently from an outage."""
    done = run("-ojson", HUAWEICLOUD_SDK_SK="canary-key")
    forbidden = ("IEF jobs", "drop bucket", "results", "checkpoints")
    assert checks(done) == dict.fromkeys(forbidden, "fail")
    assert "canary-key" not in done.stdout + done.stderr


def test_no_keys_at_all_name_the_variables(run: Run) -> None:
    """For a local run."""
    done = run(HUAWEICLOUD_SDK_AK="", HUAWEICLOUD_SDK_SK="")
    assert done.exit_code == 1
    assert "HUAWEICLOUD_SDK_AK" in done.stdout
