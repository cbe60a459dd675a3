"""`nightdrop drop`, against an emulated bucket whose events reach the function."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from handler.cli.main import main
from handler.deliveries.result_file import result_data
from handler.emulator.ief.job import StatusConflictError, paused
from handler.emulator.server import Emulator
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context
from handler.local.triggers.event_factory import Upload, obs_event
from handler.runtime.response import Result as DeliveryResult
from handler.values.canonical_json import sha256_hex
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from handler.emulator.obs.notifications import Notification

    Run = Callable[..., Result]

SPEC = "kind: node_upgrade\nname: hall\ntargets:\n  nodes: [{}]\n"
BUCKET, NOW = "nightdrop-drop", datetime.now(timezone.utc)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Emulator]:
    """An emulated cloud whose bucket notifies a function."""
    instances: list[Any] = []

    def invoke(event: object) -> None:
        context = Context.from_environment(environ)
        if not instances:
            instances.append(open_instance(context, environ, lambda _line: None))
        handle(event, context, instances[0])

    def raise_event(new: Notification) -> None:
        with busy:
            if new.key.startswith("drop/") and is_open:
                invoke(
                    obs_event(Upload(new.bucket, new.key, new.size, new.etag, new.request_id, NOW))
                )

    busy, is_open = threading.Lock(), [True]
    with Emulator(raise_event=raise_event, speed=300) as emulator:
        environ = {
            **emulator.environment(),
            "NIGHTDROP_AUDIT": f"sqlite:///{tmp_path}/my.db",
            "NIGHTDROP_PREFIX": "drop/",
            "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
        }
        yield emulator
        with busy:  # the function has answered
            is_open.clear()
        for instance in instances:
            instance.close()


@pytest.fixture
def run(tmp_path: Path, cloud: Emulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder with two specs, with rights on the bucket and the fleet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hall.yaml").write_text(SPEC.format("gateway-north-1, gateway-north-2"))
    (tmp_path / "yard.yaml").write_text(SPEC.format("camera-yard-2").replace("hall", "yard"))
    (tmp_path / "wrong.yaml").write_text(SPEC.format("x").replace("hall", "Hall"))
    (tmp_path / "unknown.yaml").write_text(SPEC.format("gateway-nort-1"))
    settings = {
        "NIGHTDROP_PREFIX": "drop/",
        "NIGHTDROP_RESULTS": f"obs://{BUCKET}/results/",
        **cloud.environment(),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def nightdrop(*arguments: str, text: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, [*arguments], input=text, env=more)

    return nightdrop


def keys(cloud: Emulator) -> list[str]:
    """Return the keys of the dropped objects."""
    return [key for key in cloud.state.buckets[BUCKET] if key.startswith("drop/")]


def test_a_file_is_uploaded_below_the_prefix(run: Run, cloud: Emulator) -> None:
    """Under its own name, or another one."""
    assert run("drop", "hall.yaml").exit_code == 0
    named = run("drop", "hall.yaml", "--as", "a/b.yaml", "-o", "name")
    assert named.stdout == f"obs://{BUCKET}/drop/a/b.yaml\n"
    assert keys(cloud) == ["drop/hall.yaml", "drop/a/b.yaml"]


def test_the_prefix_is_not_put_before_a_name_that_has_it(run: Run, cloud: Emulator) -> None:
    """What `plan --as` takes is the whole key."""
    refused = run("drop", "hall.yaml", "--as", "drop/a.yaml")
    assert (refused.exit_code, keys(cloud)) == (2, [])
    assert "the prefix drop/ is put before the name: write a.yaml" in refused.stderr


def test_standard_input_is_uploaded_as_yaml(run: Run, cloud: Emulator) -> None:
    """It has no name of its own."""
    result = run("drop", "-", text=SPEC.format("gateway-north-1"))
    assert (result.exit_code, keys(cloud)) == (0, ["drop/standard-input.yaml"])


@pytest.mark.parametrize(
    ("file", "error"),
    [("wrong.yaml", "line 2, name: only lower-case"), ("policy.yaml", "of the built-in policy")],
)
def test_nothing_is_uploaded_if_one_file_has_an_error(
    run: Run, cloud: Emulator, tmp_path: Path, file: str, error: str
) -> None:
    """Of the spec or by the policy: every error is printed."""
    (tmp_path / "policy.yaml").write_text(f"{SPEC.format('x')}valid_for: 30d\n")
    result = run("drop", "hall.yaml", file)
    assert (result.exit_code, keys(cloud)) == (1, [])
    assert error in result.stderr


def test_a_dry_run_says_what_the_function_would_do(
    run: Run, cloud: Emulator, tmp_path: Path
) -> None:
    """As `nightdrop plan`."""
    result = run("drop", "hall.yaml", "--dry-run", NIGHTDROP_AUDIT=f"sqlite:///{tmp_path}/my.db")
    assert (result.exit_code, keys(cloud)) == (0, [])
    assert "hall.yaml: 1 job would be created" in result.stdout


def test_the_wait_follows_every_target_to_the_end(run: Run) -> None:
    """Each change is a line where there is no terminal."""
    result = run("drop", "hall.yaml", "--wait")
    assert result.exit_code == 0, result.output
    lines = [line.partition("  ")[2] for line in result.stdout.splitlines()]
    assert "gateway-north-1: Successful" in lines
    assert "gateway-north-2: Successful" in lines
    assert "succeeded  2 of 2" in lines


def test_a_job_that_fails_is_exit_status_1_with_its_reason(run: Run) -> None:
    """As rows, for a script."""
    result = run("drop", "yard.yaml", "hall.yaml", "--wait", "-o", "json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [(row["file"], row["state"]) for row in rows] == [
        ("yard.yaml", "failed"),
        ("hall.yaml", "succeeded"),
    ]
    assert rows[0]["note"] == "the edge node is in state FAIL"


def test_a_file_that_the_function_rejects_is_exit_status_1_with_the_error(run: Run) -> None:
    """By its result file."""
    result = run("drop", "unknown.yaml", "--wait")
    assert result.exit_code == 1
    assert "no node has the name or id gateway-nort-1" in result.stdout


def test_the_same_file_again_follows_the_run_before(run: Run, cloud: Emulator) -> None:
    """No second job; the exit status is that of the run."""
    run("drop", "hall.yaml", "--wait")
    result = run("drop", "hall.yaml", "--wait")
    assert result.exit_code == 0
    assert "hall.yaml was run before, as it is: no new jobs" in result.stderr
    assert len(cloud.state.all_jobs()) == 1


def test_a_file_that_awaits_approval_is_not_called_run_when_it_is_dropped_again(
    run: Run, tmp_path: Path, cloud: Emulator
) -> None:
    """Its result file has no jobs."""
    digest = sha256_hex((tmp_path / "hall.yaml").read_bytes())
    awaits = result_data(
        f"obs://{BUCKET}/drop/hall.yaml", digest, DeliveryResult("a" * 52, "awaiting")
    )
    cloud.state.put_object(BUCKET, "results/hall.yaml.result.json", awaits)
    result = run("drop", "hall.yaml")
    assert (result.exit_code, result.stderr) == (0, "")


def test_after_a_file_was_ignored_the_same_bytes_are_followed_to_a_run_of_their_own(
    run: Run, tmp_path: Path, cloud: Emulator
) -> None:
    """As after a rejection: what the result file says of them before is no answer."""
    digest = sha256_hex((tmp_path / "hall.yaml").read_bytes())
    before = DeliveryResult("a" * 52, "ignored")
    old = result_data(f"obs://{BUCKET}/drop/hall.yaml", digest, before)
    cloud.state.put_object(BUCKET, "results/hall.yaml.result.json", old)
    result = run("drop", "hall.yaml", "--wait")
    assert (result.exit_code, len(cloud.state.all_jobs())) == (0, 1)
    assert "hall-" in result.stdout


def test_a_job_that_is_paused_has_not_ended(run: Run, cloud: Emulator) -> None:
    """Whoever paused it can resume it: the time-out is exit status 75."""
    cloud.state.simulation = replace(cloud.state.simulation, speed=1)
    run("drop", "hall.yaml")
    wait_for(lambda: _pause(cloud))
    result = run("drop", "hall.yaml", "--wait", "--timeout", "0.6")
    assert result.exit_code == 75, result.output
    assert "stopped" in result.stdout


def test_without_rights_at_ief_the_result_file_is_followed(run: Run, cloud: Emulator) -> None:
    """A line says so; the time-out is exit status 75."""
    cloud.faults.set([{"operation": "ShowBatchJob", "fault": "status", "status": 403}])
    result = run("drop", "hall.yaml", "--wait", "--timeout", "1")
    assert result.exit_code == 75
    assert "hall-" in result.stdout
    assert "created" in result.stdout
    assert result.stderr.count("IEF is not asked") == 1


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"NIGHTDROP_OBS_ENDPOINT": "http://127.0.0.1:9"}, "no connection to 127.0.0.1"),
        ({"HUAWEICLOUD_SDK_SK": "wrong"}, "SignatureDoesNotMatch"),
        ({"NIGHTDROP_BUCKETS": "no-such-bucket"}, "no such bucket"),
        ({"NIGHTDROP_BUCKETS": "", "NIGHTDROP_RESULTS": ""}, "NIGHTDROP_BUCKETS"),
        ({"NIGHTDROP_RESULTS": ""}, "--wait reads result files: set NIGHTDROP_RESULTS"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_exit_status_2(
    run: Run, environ: dict[str, str], error: str
) -> None:
    """No network, wrong keys, no bucket: never a traceback."""
    result = run("drop", "hall.yaml", "--wait", **environ)
    assert (result.exit_code, result.stdout) == (2, "")
    assert error in result.stderr


@pytest.mark.parametrize("key", ["../hall.yaml", "/hall.yaml", "a/./hall.yaml"])
def test_a_key_with_steps_of_a_path_is_refused(run: Run, cloud: Emulator, key: str) -> None:
    """A bucket has no folders to leave."""
    result = run("drop", "hall.yaml", "--as", key, NIGHTDROP_PREFIX="")
    assert (result.exit_code, keys(cloud)) == (2, [])
    assert f"{key} is no key" in result.stderr


def test_without_the_right_to_upload_that_is_the_error(run: Run, cloud: Emulator) -> None:
    """With what to do about it."""
    cloud.state.denied.add((BUCKET, "drop/hall.yaml"))
    result = run("drop", "hall.yaml")
    assert (result.exit_code, keys(cloud)) == (2, [])
    assert "AccessDenied" in result.stderr or "may not" in result.stderr


def _pause(cloud: Emulator) -> bool:
    """Pause the job if it runs already."""
    try:
        for job in cloud.state.all_jobs():
            cloud.state.change_job(job.job_id, lambda one: paused(one, cloud.state.clock()))
            return True
    except StatusConflictError:
        pass
    return False


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("hall.txt",), "key: a job spec is named"),
        ((".hall.yaml",), "a temporary or hidden file"),
        (("hall.yaml", "--as", "team/"), "a directory marker"),
    ],
)
def test_what_the_function_would_not_run_is_not_uploaded(
    run: Run, cloud: Emulator, tmp_path: Path, words: tuple[str, ...], error: str
) -> None:
    """For its name; `nightdrop plan` says the same."""
    (tmp_path / words[0]).write_text(SPEC.format("gateway-north-1"))
    dropped = run("drop", *words)
    assert (dropped.exit_code, error in dropped.stderr, keys(cloud)) == (1, True, [])
    if len(words) == 1:
        planned = run("plan", *words, NIGHTDROP_AUDIT=f"sqlite:///{tmp_path}/my.db")
        assert (planned.exit_code, error in planned.stdout) == (1, True)


def test_two_files_of_one_name_are_refused(run: Run, cloud: Emulator, tmp_path: Path) -> None:
    """The second would replace the first before the function reads it."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.yaml").write_text(SPEC.format("gateway-north-1"))
    result = run("drop", "a/app.yaml", "b/app.yaml")
    assert (result.exit_code, keys(cloud)) == (2, [])
    assert "2 files would be app.yaml in the bucket" in result.stderr


def test_a_policy_is_asked_about_the_names_of_nodes(run: Run, tmp_path: Path) -> None:
    """The function looks them up, and judges them as names."""
    rules = tmp_path / "names.yaml"
    rules.write_text("rules: [{from: {prefix: drop/}, node_names: [gateway-*]}]")
    assert run("drop", "hall.yaml", NIGHTDROP_POLICY=str(rules)).exit_code == 0
    refused = run("drop", "yard.yaml", NIGHTDROP_POLICY=str(rules))
    assert (refused.exit_code, "whose name is not listed" in refused.stderr) == (1, True)


@pytest.mark.parametrize("rule", [f"bucket: {BUCKET}", "prefix: drop/", "account: '4711'"])
def test_a_policy_is_asked_about_the_place_in_the_bucket(
    run: Run, cloud: Emulator, tmp_path: Path, rule: str
) -> None:
    """Who uploads is not known before; then the function decides."""
    (tmp_path / "policy.yaml").write_text(f"rules: [{{from: {{{rule}}}}}]")
    policy = str(tmp_path / "policy.yaml")
    assert run("drop", "hall.yaml", NIGHTDROP_POLICY=policy).exit_code == 0
    assert keys(cloud) == ["drop/hall.yaml"]
    if "account" not in rule:
        settings = {"NIGHTDROP_BUCKETS": BUCKET}
        assert run("validate", "hall.yaml", "--policy", policy, **settings).exit_code == 0
