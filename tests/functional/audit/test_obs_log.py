"""The function with its log in OBS, and the command beside it."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import pytest
from click.testing import CliRunner

from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.open_log import folder_at
from handler.audit.record import Draft
from handler.audit.verification.verdict import verify
from handler.cli.main import main
from handler.cli.open_stores import obs_folders, open_any_log
from handler.emulator.server import DEMO_ACCOUNT, Emulator
from handler.emulator.state.changes import ObjectPut, VersionRemoved
from handler.errors import LogUnreachableError
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from handler.values.canonical_json import Json

Reply: TypeAlias = dict[str, Any]
Fire: TypeAlias = "Callable[[dict[str, str], object], Reply]"
AUDIT = "obs://nightdrop-drop/audit/"
TICK = {"action": "reconcile"}


@pytest.fixture
def in_obs(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a function with its log in OBS, this process's as well."""
    environ["NIGHTDROP_AUDIT"] = AUDIT
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


@pytest.fixture
def delivered(
    in_obs: dict[str, str],
    fire_in: Fire,
    drop: Callable[..., Reply],
    sample: Callable[[str], bytes],
) -> dict[str, str]:
    """The environment, after a file was delivered to two instances and the reconciler has run."""
    event = drop("drop/camera.yaml", sample("specs/deploy-camera.yaml"))
    other = {**in_obs, "NIGHTDROP_SENDERS": "4"}
    replies = [fire_in(one, event) for one in (in_obs, other)]
    assert [reply["outcome"] for reply in replies] == ["submitted", "duplicate"]
    assert fire_in(other, TICK)["outcome"]
    return in_obs


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, [*arguments])


def test_a_delivery_is_recorded_and_its_repetition_does_nothing(
    delivered: dict[str, str], emulator: Emulator
) -> None:
    """One job, one chain; no body is left over."""
    with closing(open_any_log(AUDIT, delivered)) as log:
        actions = [record.fields["action"] for record in log.records()]
        assert verify(log.records()).whole
    assert actions.count("job.created") == len(emulator.state.all_jobs()) == 1
    left = [key for key in emulator.state.buckets["nightdrop-drop"] if "/outbox/" in key]
    assert left == []


@pytest.mark.usefixtures("delivered")
def test_the_command_reads_the_log() -> None:
    """With the keys and the endpoint of its environment."""
    listed = run("audit", "list", "-ojson")
    records = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    [name] = {record["job_name"] for record in records if record["job_name"]}
    assert "created" in run("audit", "show", str(name)).stdout
    verdict = run("audit", "verify")
    assert (verdict.exit_code, verdict.stdout.partition(":")[0]) == (
        2,
        "chain valid, completeness not proven",
    )


def test_a_falsified_record_is_found(delivered: dict[str, str], emulator: Emulator) -> None:
    """Every writer of the bucket can change it, but not unnoticed."""
    key = "audit/records/0000000001"
    stored = emulator.state.buckets["nightdrop-drop"][key]
    forged = stored.data.replace(b'"job.created"', b'"job.refused"', 1)
    emulator.state.change(ObjectPut("nightdrop-drop", key, replace(stored, data=forged)))
    assert delivered
    verdict = run("audit", "verify")
    assert (verdict.exit_code, "was changed" in verdict.stdout) == (1, True)


def test_a_log_without_its_open_segment_sends_nothing(
    in_obs: dict[str, str], fire_in: Fire, drop: Callable[..., Reply], emulator: Emulator
) -> None:
    """An instance that starts then takes the last ended segment for the end; checkpoints tell."""
    in_obs["NIGHTDROP_CHECKPOINTS"] = "obs://nightdrop-drop/heads/"
    place = folder_at(AUDIT, obs_folders(in_obs))
    with closing(ObjectLog(place, limits=SegmentLimits(appends=1))) as log:
        for _ in range(2):
            log.commit(lambda _view: Decision(None, (Draft("log.noted", "success"),)))
    spec = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
    assert fire_in(in_obs, drop("drop/hall.yaml", spec))["outcome"] == "submitted"
    *_, open_segment = (
        key for key in emulator.state.buckets["nightdrop-drop"] if "/records/" in key
    )
    emulator.state.change(VersionRemoved("nightdrop-drop", open_segment, None))
    reply = fire_in({**in_obs, "NIGHTDROP_SENDERS": "4"}, TICK)
    assert [one.startswith("the log has ") for one in reply["warnings"]] == [True]
    assert [job["state"] for job in reply["jobs"]] == ["deferred"]
    assert len(emulator.state.all_jobs()) == 1


def test_a_hold_can_be_placed_from_the_operators_machine(
    delivered: dict[str, str], fire_in: Fire
) -> None:
    """A warm instance sees it."""
    assert run("hold", "--reason", "freeze").exit_code == 0
    event = json.loads(spec("held"))
    assert fire_in(delivered, event)["outcome"] == "deferred"
    assert run("release").exit_code == 0
    fire_in(delivered, TICK)
    assert fire_in(delivered, event)["jobs"][0]["state"] == "created"


def test_a_job_whose_request_was_removed_waits_and_reports_it(
    in_obs: dict[str, str], fire_in: Fire, emulator: Emulator
) -> None:
    """Every writer of the bucket can delete it, but not silently."""
    fire_in(in_obs, "what leaves a first record")
    assert run("hold").exit_code == 0
    fire_in(in_obs, json.loads(spec("robbed")))
    for key in [key for key in emulator.state.buckets["nightdrop-drop"] if "/outbox/" in key]:
        emulator.state.change(VersionRemoved("nightdrop-drop", key, None))
    assert run("release").exit_code == 0
    other = {**in_obs, "NIGHTDROP_SENDERS": "4"}  # an instance that never saw the request
    [job] = fire_in(other, TICK)["jobs"]
    assert job["state"] == "deferred"
    assert "nightdrop jobs abandon" in run("audit", "show", job["job_name"]).stdout
    assert emulator.state.all_jobs() == []


def spec(name: str) -> str:
    """Return a job spec with one job."""
    node = {"id": "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11", "name": "gateway-1"}
    return json.dumps({"kind": "node_upgrade", "name": name, "targets": {"nodes": [node]}})


@pytest.mark.usefixtures("in_obs")
def test_a_hold_at_an_address_without_a_log_is_refused(emulator: Emulator) -> None:
    """A typing error would leave the function sending, against the operator's belief."""
    for command in ("hold", "release"):
        done = run(command, "--audit", "obs://nightdrop-drop/audti/")
        assert (done.exit_code, "run the function once, or name another" in done.stderr) == (
            2,
            True,
        )
    assert not any(key.startswith("audti/") for key in emulator.state.buckets["nightdrop-drop"])


@pytest.mark.usefixtures("in_obs")
@pytest.mark.parametrize(
    "call", ["list", "stats", "show x", "export --format csv", "verify", "rebuild --yes"]
)
def test_an_address_without_a_log_is_named(emulator: Emulator, call: str) -> None:
    """As for a file that is not there: after a typing error, an empty log would look unharmed."""
    done = run("audit", *call.split(), "--audit", "obs://nightdrop-drop/audti/")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no audit log at obs://nightdrop-drop/audti/; run the" in done.stderr
    assert not any(key.startswith("audti/") for key in emulator.state.buckets["nightdrop-drop"])


@pytest.mark.usefixtures("in_obs")
def test_a_log_whose_records_are_all_gone_is_invalid_by_a_noted_head() -> None:
    """It is not said to have never been there."""
    done = run("audit", "verify", "--expect-head", f"4:{'a' * 64}")
    assert (done.exit_code, "4 records, and here are 0" in done.stdout) == (1, True)


def test_a_store_that_was_not_probed_causes_a_warning_at_every_start(
    in_obs: dict[str, str], fire_in: Fire, lines: list[str]
) -> None:
    """Until the probe has passed there."""
    fire_in(in_obs, TICK)
    [doubt] = [json.loads(line) for line in lines if "settings.doubted" in line]
    assert f"nightdrop audit probe {AUDIT}" in doubt["note"]
    probed = run("audit", "probe", AUDIT)
    assert (probed.exit_code, probed.stdout.count("ok  ")) == (0, 8)
    lines.clear()
    fire_in({**in_obs, "NIGHTDROP_SENDERS": "4"}, TICK)
    assert not any("settings.doubted" in line for line in lines)


def test_a_probe_reports_each_failed_check(in_obs: dict[str, str], emulator: Emulator) -> None:
    """With an exit status, and without writing down that it did."""
    broken: Json = {"operation": "AppendObject", "fault": "status", "status": 503}
    emulator.faults.set([broken])
    probed = run("audit", "probe", "-ojson", AUDIT)
    checks = [json.loads(line) for line in probed.stdout.splitlines()]
    assert (probed.exit_code, [check["passed"] for check in checks].count(False)) == (1, 7)
    assert "audit/probe.passed" not in emulator.state.buckets["nightdrop-drop"]
    assert in_obs


@pytest.mark.parametrize(
    ("address", "variable", "message"),
    [
        ("sqlite:///a.db", "", "only a log in OBS"),
        (AUDIT, "NIGHTDROP_OBS_ENDPOINT", "NIGHTDROP_OBS_ENDPOINT"),
        ("obs://no-such-bucket/audit", "", "no such bucket"),
        (AUDIT, "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_AK"),
    ],
)
def test_a_probe_that_cannot_run_reports_why(
    in_obs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    variable: str,
    message: str,
) -> None:
    """Exit status 2, a sentence, no traceback."""
    assert in_obs
    for name in (variable, "NIGHTDROP_REGION") if variable else ():
        monkeypatch.delenv(name)
    probed = run("audit", "probe", address)
    assert (probed.exit_code, message in probed.stderr) == (2, True)


def test_the_log_signs_with_the_keys_of_each_call(in_obs: dict[str, str]) -> None:
    """Temporary keys are others after a while; the instance and its log live on."""
    first, second = (replace(DEMO_ACCOUNT, security_token=f"token-{n}") for n in (1, 2))
    with Emulator(account=first) as cloud:
        environ = {**in_obs, **cloud.environment(), "NIGHTDROP_AUDIT": AUDIT}
        old = Context.from_environment(environ, str(uuid4()), time.monotonic)
        fresh = Context.from_environment(
            {**environ, "HUAWEICLOUD_SDK_SECURITY_TOKEN": second.security_token},
            str(uuid4()),
            time.monotonic,
        )
        opened = open_instance(old, environ, lambda _line: None)
        with closing(opened):
            handle(TICK, old, opened)
            # The account is the emulator's permanently; only here its token expires.
            object.__setattr__(cloud.account, "security_token", second.security_token)
            with pytest.raises(LogUnreachableError):
                handle(TICK, old, opened)
            assert handle(TICK, fresh, opened)["outcome"]
