"""Canaries: unique fake secrets go every way through the function and come out nowhere."""

from __future__ import annotations

import json
import sqlite3
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.credentials import Account
from handler.emulator.server import Emulator
from handler.errors import NightdropError
from handler.invocation.instance import open_instance
from handler.local.runtime.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Tick = Callable[..., Reply]
    Leaks = Callable[..., list[str]]
    Answering = Callable[[int, bytes], str]

ACCOUNT = Account("CANARYACCESSKEY00001", "canary-secret-key-7f3a", "0" * 32, "canary-token-91bd")
ENVIRONMENT_VALUE = "canary-env-value-c0ffee"
CANARIES = ("CANARYACCESSKEY00001", "canary-secret-key-7f3a", "canary-token-91bd")
CREATE = "CreateBatchJob"

DEPLOYMENT = f"""
kind: deployment_deploy
name: camera
targets: {{nodes: [{{id: node-1}}]}}
deployment:
  replicas: 1
  template:
    configs: {{restart_policy: Always}}
    containers:
      - name: camera
        image_url: swr.example.com/camera:1
        envs: [{{name: PASSWORD, value: {ENVIRONMENT_VALUE}}}]
"""

# Files with the value in them, where it does not belong or beside what is wrong.
INVALID = {
    "a wrong kind": DEPLOYMENT.replace("deployment_deploy", ENVIRONMENT_VALUE),
    "a wrong name": DEPLOYMENT.replace("name: camera\nt", f"name: {ENVIRONMENT_VALUE}!\nt"),
    "wrong replicas": DEPLOYMENT.replace("replicas: 1", f"replicas: {ENVIRONMENT_VALUE}"),
    "a wrong policy": DEPLOYMENT.replace("Always", ENVIRONMENT_VALUE),
    "an unknown field": DEPLOYMENT + "priority: high\n",
    "both kinds of value": DEPLOYMENT.replace("}]", ", value_from: {secret: {}}}]"),
    "a broken line": DEPLOYMENT.replace("value: ", "value: [}"),
    "an alias": DEPLOYMENT.replace("value: ", "value: &a "),
    "a reference": DEPLOYMENT.replace("value: ", "value: *"),
    "a tag": DEPLOYMENT.replace("value: ", "value: !!"),
    "a mapping as a key": DEPLOYMENT.replace("value: ", "? {value: ").replace("}]", "}}]"),
    "API form": json.dumps(
        {
            "job_name": "camera",
            "job_type": "deployment_deploy",
            "job_content": {"task_data": f'{{"deployment": {{}}, "x": {ENVIRONMENT_VALUE}'},
        }
    ),
    "broken JSON": f'{{"kind": "{ENVIRONMENT_VALUE}", }}',
}  # fmt: skip


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that wants a security token, too."""
    with Emulator(account=ACCOUNT, notices=True) as running:
        yield running


@pytest.fixture
def leaks(emulator: Emulator, environ: Environ, lines: list[str]) -> Callable[..., list[str]]:
    """Return where a canary occurs in everything that was written, answered or logged."""

    def find(*values: object) -> list[str]:
        database = sqlite3.connect(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))
        kept = [line for line in database.iterdump() if not line.startswith('INSERT INTO "outbox"')]
        database.close()
        objects = emulator.state.buckets["nightdrop-drop"].items()
        results = [one.data.decode() for name, one in objects if name.startswith("results/")]
        notices = [f"{one.subject} {one.message}" for one in emulator.state.messages]
        texts = [*kept, *results, *notices, *lines, *map(str, values), *map(repr, values)]
        return [t for t in texts if any(canary in t for canary in (*CANARIES, ENVIRONMENT_VALUE))]

    return find


def outbox(environ: Environ) -> str:
    """Return the content of the outbox."""
    database = sqlite3.connect(environ["NIGHTDROP_AUDIT"].removeprefix("sqlite:///"))
    rows = database.execute("SELECT body FROM outbox").fetchall()
    database.close()
    return str(rows)


def traceback_text(error: BaseException) -> str:
    """Return the full printed text of an exception, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.fixture
def deploy(environ: Environ, fire_in: FireIn, drop: Drop) -> Callable[[], Reply]:
    """Drop the deployment and deliver its event."""
    return lambda: fire_in(environ, drop("drop/camera.yaml", DEPLOYMENT.encode()))


def test_a_success_leaves_no_secret(
    emulator: Emulator, environ: Environ, deploy: Callable[[], Reply], leaks: Leaks
) -> None:
    """The value reached the API, and the outbox is empty again."""
    reply = deploy()
    assert reply["outcome"] == "submitted"
    assert ENVIRONMENT_VALUE in str(emulator.state.all_jobs()[0].request)
    assert leaks(reply) == []
    assert outbox(environ) == "[]"


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "status", "status": 400},
        {"fault": "status", "status": 429},
        {"fault": "status", "status": 503},
        {"fault": "lost_answer"},
    ],
)
def test_a_failed_creation_leaves_no_secret(
    emulator: Emulator, environ: Environ, deploy: Callable[[], Reply], leaks: Leaks, fault: Reply
) -> None:
    """The value may be in the outbox until the job is settled, and nowhere else."""
    emulator.faults.set([{"operation": CREATE, **fault}])
    reply = deploy()
    assert leaks(reply) == []
    final = reply["jobs"][0]["state"] == "refused"
    assert (ENVIRONMENT_VALUE in outbox(environ)) != final


def test_wrong_keys_leave_no_secret(
    environ: Environ, fire_in: FireIn, drop: Drop, leaks: Leaks
) -> None:
    """Neither the right ones nor the wrong one."""
    wrong = {**environ, "HUAWEICLOUD_SDK_SK": "canary-secret-key-7f3a-but-not-this-one"}
    with pytest.raises(NightdropError, match="SignatureDoesNotMatch") as raised:
        fire_in(wrong, drop("drop/camera.yaml", DEPLOYMENT.encode()))
    assert leaks(traceback_text(raised.value)) == []


@pytest.mark.parametrize("kind", INVALID)
def test_a_rejection_leaves_no_secret(
    environ: Environ, fire_in: FireIn, drop: Drop, leaks: Leaks, kind: str
) -> None:
    """The messages name the error without quoting the value."""
    reply = fire_in(environ, drop("drop/camera.yaml", INVALID[kind].encode()))
    assert reply["outcome"] == "rejected"
    assert leaks(reply) == []


@pytest.mark.parametrize("kind", INVALID)
def test_a_rejected_tick_leaves_no_secret(
    environ: Environ, fire_in: FireIn, tick: Tick, leaks: Leaks, kind: str
) -> None:
    """An inline spec is a file like any other."""
    assert leaks(fire_in(environ, tick(INVALID[kind]))) == []


def test_a_crash_leaves_no_secret(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, leaks: Leaks
) -> None:
    """Nor do the causes of the raised error."""
    event = drop("drop/camera.yaml", DEPLOYMENT.encode())
    emulator.faults.set([{"operation": "GetObject", "fault": "cut"}])
    with pytest.raises(NightdropError) as raised:
        fire_in(environ, event)
    assert leaks(traceback_text(raised.value)) == []


def test_an_instance_shows_no_secret(environ: Environ, leaks: Leaks) -> None:
    """Nor does the context of an invocation, in a debugger or a report of local variables."""
    context = Context.from_environment(environ, "r", lambda: 0.0)
    instance = open_instance(context, environ)
    instance.close()
    assert leaks(instance, context) == []


def test_an_api_that_repeats_what_it_was_sent_leaves_no_secret(
    environ: Environ, fire_in: FireIn, drop: Drop, leaks: Leaks, answering: Answering
) -> None:
    """Its message may hold anything of the request."""
    error = {"error_code": "IEF.100", "error_msg": f"bad value {ENVIRONMENT_VALUE} {CANARIES[0]}"}
    odd = {**environ, "NIGHTDROP_IEF_ENDPOINT": answering(400, json.dumps(error).encode())}
    reply = fire_in(odd, drop("drop/camera.yaml", DEPLOYMENT.encode()))
    assert reply["jobs"][0]["state"] == "refused"
    assert leaks(reply) == []


def test_no_notice_has_a_secret(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, leaks: Leaks
) -> None:
    """Neither about rejected files, nor about a job that the API refused with its values."""
    for number, spec in enumerate(INVALID.values()):
        fire_in(environ, drop(f"drop/wrong-{number}.yaml", spec.encode()))
    emulator.faults.set([{"operation": CREATE, "fault": "status", "status": 400}])
    fire_in(environ, drop("drop/camera.yaml", DEPLOYMENT.encode()))
    summary = fire_in(environ, {"action": "summary"})
    subjects = [one.subject for one in emulator.state.messages]
    assert len(subjects) == 11  # ten within an hour, and the summary
    assert leaks(summary) == []
