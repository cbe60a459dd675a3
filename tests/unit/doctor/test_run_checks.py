"""All checks, against an emulated cloud and a real log."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.record import Head
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.credentials import Credentials, credentials
from handler.cloud.http_transport import Transport
from handler.doctor.finding import fail, ok, warn
from handler.doctor.run_checks import (
    CheckedDeployment,
    answered,
    lines,
    record_examination,
    run_checks,
)
from handler.errors import LogError
from handler.invocation.invocation import ief_of
from handler.runtime.deadline import Deadline
from handler.runtime.response import reply
from handler.settings import load
from handler.values.canonical_json import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    from collections.abc import Callable

    Fire = Callable[[object], dict[str, Any]]
    Tick = Callable[..., dict[str, Any]]

CHECKS = [
    *("settings", "libraries", "time-out", "user data", "credentials", "project"),
    *("policy", "facts", "log", "work"),
    *("IEF endpoint", "OBS endpoint", "clock", "IEF jobs", "IEF nodes", "drop bucket", "results"),
    "checkpoints",
]

FINDINGS = (ok("a", "good"), warn("b", "odd", "look"), fail("c", "bad", "fix"))


@pytest.fixture
def deployment(environ: Environ, tmp_path: Path) -> Iterator[CheckedDeployment]:
    """A deployment without errors."""
    kept = {"NIGHTDROP_CHECKPOINTS": "obs://nightdrop-drop/heads/"}
    settings = load(lambda _name: None, environ | kept)
    transport = Transport(timeout=5)
    deadline = Deadline(time.monotonic() + 60, time.monotonic)
    with closing(SqliteLog(tmp_path / "audit.db")) as log:
        yield CheckedDeployment(
            settings=settings,
            ief=ief_of(settings, credentials(None, environ), transport, utc_now, deadline),
            log=log,
            deadline=deadline,
            environ=environ,
        )
    transport.close()


def with_ief(deployment: CheckedDeployment, **changes: Any) -> CheckedDeployment:  # noqa: ANN401 - the fields of `Ief`
    """Return a deployment whose requests are made with something else."""
    return replace(deployment, ief=deployment.ief._replace(**changes))


def verdicts(deployment: CheckedDeployment) -> dict[str, str]:
    """Return the verdict on each check that found something."""
    return {one.check: one.verdict for one in run_checks(deployment) if one.verdict != "ok"}


def test_a_good_deployment_passes_every_check(deployment: CheckedDeployment) -> None:
    """From the nearest to the farthest."""
    found = run_checks(deployment)
    assert [one.check for one in found] == CHECKS
    assert {one.verdict for one in found} == {"ok"}


def test_unwise_settings_are_reported(deployment: CheckedDeployment) -> None:
    """As at every start, and here again."""
    unwise = deployment.settings.model_copy(update={"settle_after": 1})
    assert verdicts(replace(deployment, settings=unwise)) == {"settings": "warn"}


def test_without_keys_the_rights_are_not_looked_at(deployment: CheckedDeployment) -> None:
    """The reachable services are."""
    found = verdicts(with_ief(deployment, credentials=Credentials("", "", missing="no: do")))
    assert found == {"credentials": "fail"}


def test_an_unreachable_service_is_reported_once(deployment: CheckedDeployment) -> None:
    """The checks that need it are left out."""
    gone = deployment.settings.model_copy(update={"obs_endpoint": "http://127.0.0.1:1"})
    found = run_checks(replace(deployment, settings=gone))
    assert [one.check for one in found if one.verdict == "fail"] == ["OBS endpoint"]
    assert "IEF jobs" in [one.check for one in found]


def test_a_log_that_cannot_be_opened_does_not_end_the_checks(deployment: CheckedDeployment) -> None:
    """The others run nevertheless."""
    assert verdicts(replace(deployment, log=LogError("no"))) == {"log": "fail"}


def test_a_log_in_obs_that_was_never_probed_is_a_warning(deployment: CheckedDeployment) -> None:
    """Until the bucket has passed its probe."""
    there = deployment.settings.model_copy(update={"audit": "obs://nightdrop-drop/log"})
    doubts = [
        one for one in run_checks(replace(deployment, settings=there)) if one.verdict == "warn"
    ]
    assert [one.check for one in doubts] == ["log's store"]
    assert doubts[0].remedy == "run `nightdrop audit probe obs://nightdrop-drop/log/`"


def test_a_log_that_breaks_meanwhile_does_neither(deployment: CheckedDeployment) -> None:
    """It is a finding like any other."""
    assert isinstance(deployment.log, SqliteLog)
    deployment.log.close()
    assert verdicts(deployment) == {"log": "fail"}


@pytest.mark.parametrize(
    ("place", "verdict"),
    [("", "warn"), ("obs://no-such-bucket/heads/", "fail"), ("checkpoints", "ok")],
)
def test_the_address_of_checkpoints_is_checked(
    deployment: CheckedDeployment, place: str, verdict: str
) -> None:
    """None is tried there: under a lock it could not be deleted again."""
    settings = deployment.settings.model_copy(update={"checkpoints": place})
    found = run_checks(replace(deployment, settings=settings))
    assert {one.check: one.verdict for one in found}["checkpoints"] == verdict


def test_a_folder_for_checkpoints_is_lost_with_an_instance_of_the_platform(
    deployment: CheckedDeployment,
) -> None:
    """Nothing outside the log would be left to compare it with."""
    settings = deployment.settings.model_copy(update={"checkpoints": "checkpoints"})
    environ = {**deployment.environ, "RUNTIME_CODE_ROOT": "/opt/function/code"}
    found = run_checks(replace(deployment, settings=settings, environ=environ))
    assert {one.check: one.verdict for one in found}["checkpoints"] == "warn"


def test_a_wrong_clock_explains_the_refusals(deployment: CheckedDeployment) -> None:
    """It is listed before them."""
    late = with_ief(deployment, clock=lambda: utc_now() + timedelta(seconds=2000))
    found = [one.check for one in run_checks(late) if one.verdict == "fail"]
    assert found == ["clock", "IEF jobs", "drop bucket", "results", "checkpoints"]


def test_the_checks_end_in_time(deployment: CheckedDeployment) -> None:
    """A check that did not run is not reported as good."""
    over = Deadline(time.monotonic(), time.monotonic)
    found = verdicts(replace(deployment, deadline=over))
    assert found == {"clock": "warn", "time": "warn"}


def test_no_secret_is_in_a_finding(deployment: CheckedDeployment, environ: Environ) -> None:
    """Neither of good findings nor of bad ones."""
    fail = Credentials("CANARYAK", "canarysk", "canarytoken")
    text = "".join(
        map(str, (*run_checks(deployment), *run_checks(with_ief(deployment, credentials=fail))))
    )
    secrets = {"CANARYAK", "canarysk", "canarytoken", environ["HUAWEICLOUD_SDK_SK"]}
    assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("place", ["policy.yaml", "obs://nightdrop-drop/policy.yaml"])
def test_the_policy_is_read(
    place: str, deployment: CheckedDeployment, emulator: Emulator, tmp_path: Path
) -> None:
    """Without a valid one, nothing is planned."""
    address = place if place.startswith("obs:") else str(tmp_path / place)
    settings = deployment.settings.model_copy(update={"policy": address})
    guarded = replace(deployment, settings=settings)

    def write(data: bytes) -> None:
        (tmp_path / "policy.yaml").write_bytes(data)
        emulator.state.put_object("nightdrop-drop", "policy.yaml", data)

    assert verdicts(guarded) == {"policy": "fail"}
    write(b"rules: []")
    assert verdicts(guarded) == {"policy": "fail"}
    write(b"rules: [{}, {}]")
    (found,) = [one for one in run_checks(guarded) if one.check == "policy"]
    assert found.message.startswith("2 rules, SHA-256 ")


def test_errors_and_warnings_of_the_reply_are_the_findings(tmp_path: Path) -> None:
    """The reply has the shape of all others, and every check beside it."""
    text: list[str] = []
    with closing(SqliteLog(tmp_path / "a.db")) as log:
        answer = reply(answered(FINDINGS, log, text.append), Head())
    assert answer["outcome"] == "partial"
    assert (answer["errors"], answer["warnings"]) == (["c: bad; fix"], ["b: odd; look"])
    assert answer["checks"] == [one.to_json() for one in FINDINGS]
    assert len(text) == 2


def test_an_error_leaves_a_line_that_needs_attention() -> None:
    """So that an alarm on daily checks sees it; a warning leaves no such line."""
    assert [json.loads(line) for line in lines(FINDINGS)] == [
        {"action": "check.doubted", "note": "b: odd; look"},
        {"action": "attention.needed", "of": "check.failed", "note": "c: bad; fix"},
    ]


def test_the_answer_does_not_need_a_log(tmp_path: Path) -> None:
    """An unreachable log is a reason to run the doctor."""
    log = SqliteLog(tmp_path / "a.db")
    log.close()
    assert answered(FINDINGS, log, lambda _line: None).head == Head()


def test_the_function_examines_itself(fire: Fire, lines: list[str]) -> None:
    """Asked directly."""
    answer = fire({"action": "doctor"})
    assert (answer["outcome"], answer["errors"], answer["jobs"]) == ("completed", [], [])
    assert "drop bucket" in [check["check"] for check in answer["checks"]]
    assert json.loads(lines[-1])["action"] == "function.answered"


def test_a_timer_may_ask_for_the_checks(fire: Fire, tick: Tick) -> None:
    """Once a day, say, with an alarm on its lines."""
    assert fire(tick('{"action": "doctor"}'))["checks"]


def test_a_missing_right_to_list_nodes_is_a_warning(
    deployment: CheckedDeployment, emulator: Emulator
) -> None:
    """Only some specs need it."""
    emulator.faults.set([{"operation": "ListEdgeNodes", "fault": "status", "status": 403}])
    (found,) = [one for one in run_checks(deployment) if one.check == "IEF nodes"]
    assert found.verdict == "warn"
    assert "ief:node:list" in found.remedy


def test_checkpoints_need_a_folder(deployment: CheckedDeployment, tmp_path: Path) -> None:
    """A file cannot hold them."""
    place = tmp_path / "file"
    place.touch()
    settings = deployment.settings.model_copy(update={"checkpoints": str(place)})
    found = {one.check: one for one in run_checks(replace(deployment, settings=settings))}
    assert found["checkpoints"].verdict == "fail"


def test_an_examination_is_recorded_with_its_counts(tmp_path: Path) -> None:
    """One of a kind is in the singular."""
    with closing(SqliteLog(tmp_path / "audit.db")) as log:
        log.commit(record_examination((*FINDINGS, ok("d", "good"), warn("e", "odd", "look"))))
        (record,) = log.records()
    assert record.fields["note"] == "1 error, 2 warnings, 2 in order"
