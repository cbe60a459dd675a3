"""The policy in the pipeline: nothing that it refuses reaches the API."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml

from handler.errors import PolicyError
from handler.function import handle
from handler.invocation.instance import open_instance
from handler.values.canonical_json import moment, sha256_hex
from tests.conftest import context
from tests.unit.policy.cases import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.emulator.server import Emulator
    from tests.conftest import Drop, Environ, Fire, Reply

BUCKET = "nightdrop-drop"
UPGRADE = {"kind": "node_upgrade", "name": "x", "targets": {"nodes": [{"id": "node-1"}]}}
PRIVILEGED = Case("", {}, container={"privileged": True})
OPEN = b"rules: [{}]"
CLOSED = b"rules: [{kinds: []}]"


@pytest.fixture
def policy(environ: Environ, tmp_path: Path) -> Path:
    """Write the function's policy, which allows what the built-in one does."""
    file = tmp_path / "policy.yaml"
    file.write_bytes(OPEN)
    environ["NIGHTDROP_POLICY"] = str(file)
    return file


@pytest.fixture(scope="module")
def guarded(
    cloud_environ: Environ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[bytes, object], Reply]]:
    """Hand an event to one instance that works against `cloud`, under the policy of the moment."""
    file = tmp_path_factory.mktemp("policy") / "policy.yaml"
    environ = {**cloud_environ, "NIGHTDROP_POLICY": str(file), "NIGHTDROP_PREFIX": ""}
    opened = open_instance(context(environ), environ, lambda _line: None)

    def fire(rules: bytes, event: object) -> Reply:
        file.write_bytes(rules)
        return handle(event, context(environ), opened)

    yield fire
    opened.close()


def event_of(case: Case, job: dict[str, Any], emulator: Emulator) -> dict[str, Any]:
    """Return the event through which a case's job arrives; its object is in the bucket."""
    job = {**job, "description": uuid4().hex}  # no run of another test
    if case.origin.trigger == "direct":
        return job
    if case.origin.trigger == "timer":
        return {
            "version": "v1.0",
            "time": "2026-11-23T02:00:00Z",
            "trigger_type": "TIMER",
            "trigger_name": case.origin.name,
            "user_event": json.dumps(job),
        }
    data = json.dumps(job).encode()
    emulator.state.put_object(BUCKET, case.origin.name, data)
    tag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    user = {"ID": case.origin.account, "principalId": case.origin.principal}
    entry = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-23T14:05:31.482Z",
        "responseElements": {"x-obs-request-id": uuid4().hex},
        "userIdentity": {name: value for name, value in user.items() if value},
        "obs": {"bucket": {"name": BUCKET}, "object": {"key": case.origin.name, "eTag": tag}},
    }
    return {"Records": [entry]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_nothing_that_is_refused_reaches_the_api(
    case: Case, cloud: Emulator, guarded: Callable[[bytes, object], Reply]
) -> None:
    """Each case of the table, in both forms, as the function is handed it."""
    rules = json.dumps({"rules": [dict(case.rule)]}).encode()
    for job in (case.short_form(), case.api_form()):
        before = len(cloud.state.all_jobs())
        reply = guarded(rules, event_of(case, job, cloud))
        assert len(cloud.state.all_jobs()) - before == (0 if case.refused else 1), reply
        assert reply["outcome"] == ("rejected" if case.refused else "submitted")
        assert case.refused in "\n".join(reply["errors"])


def test_an_uploader_whose_event_names_no_tag_is_unknown(
    cloud: Emulator, guarded: Callable[[bytes, object], Reply]
) -> None:
    """Another one may have written the object since, which nothing would show."""
    rules = b"rules: [{from: {account: account-1}}]"
    event = event_of(CASES[0], CASES[0].short_form(), cloud)
    tag = event["Records"][0]["obs"]["object"].pop("eTag")
    reply = guarded(rules, event)
    assert (reply["outcome"], "no rule" in reply["errors"][0]) == ("rejected", True)
    other = event_of(CASES[0], CASES[0].short_form(), cloud)
    assert other["Records"][0]["obs"]["object"]["eTag"] != tag
    assert guarded(rules, other)["outcome"] == "submitted"


@pytest.mark.usefixtures("policy")
def test_one_refused_document_rejects_the_file(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """Reply, record and result file name the document, the rule and what it does not allow."""
    file = yaml.safe_dump_all([UPGRADE, PRIVILEGED.short_form()]).encode()
    reply = fire(drop("drop/app.yaml", file))
    result = json.loads(emulator.state.buckets[BUCKET]["results/app.yaml.result.json"].data)
    sentence = (
        "document 2: a privileged container (deployment.template.containers[0].privileged): "
        "rule 1 of the policy (everyone) does not allow it"
    )
    assert (reply["outcome"], reply["errors"], reply["jobs"]) == ("rejected", [sentence], [])
    assert (result["outcome"], result["errors"]) == ("rejected", [sentence])
    assert emulator.state.all_jobs() == []


def test_each_record_that_relies_on_a_policy_names_it(
    policy: Path, fire: Fire, drop: Drop, recorded: Callable[[], list[Reply]]
) -> None:
    """With its digest and the number of the rule."""
    fire(drop("drop/a.yaml", json.dumps(UPGRADE).encode()))
    policy.write_bytes(CLOSED)
    fire(drop("drop/b.yaml", json.dumps(UPGRADE).encode()))
    named = [
        (one["action"], one["delivery"]["policy"], one["delivery"]["rule"])
        for one in recorded()
        if "policy" in one.get("delivery", {})
    ]
    assert named == [
        ("delivery.planned", sha256_hex(OPEN), 1),
        ("job.planned", sha256_hex(OPEN), 1),
        ("delivery.rejected", sha256_hex(CLOSED), 1),
    ]


ROLLOUT = {
    **UPGRADE,
    "targets": {"nodes": [{"id": "node-1"}, {"id": "node-2"}]},
    "rollout": {"waves": [1, "100%"]},
}


@pytest.fixture
def recorded_under(
    policy: Path, fire: Fire, recorded: Callable[[], list[Reply]]
) -> Callable[[str, Reply], dict[str, Reply]]:
    """Hand a spec over under one rule; answers the records by their actions."""

    def run(rule: str, spec: Reply) -> dict[str, Reply]:
        policy.write_text(f"rules: [{{{rule}}}]")
        fire(spec)
        return {one["action"]: one for one in recorded()}

    return run


@pytest.mark.parametrize("spec", [UPGRADE, ROLLOUT], ids=["job", "rollout"])
@pytest.mark.parametrize(
    ("rule", "own", "minutes"),
    [
        ("valid_for: 1m", {}, 1),
        ("valid_for: 2m", {"valid_for": "1m"}, 1),
        ("valid_for: 2d", {}, 360),
        ("valid_for: 2d", {"valid_for": "1d"}, 1440),
    ],
)
def test_a_job_is_valid_for_as_long_as_its_rule_allows(
    spec: Reply,
    rule: str,
    own: Reply,
    minutes: int,
    recorded_under: Callable[[str, Reply], dict[str, Reply]],
) -> None:
    """Whether its spec says a time or leaves it to the operator's setting, here of six hours."""
    planned = recorded_under(rule, {**spec, **own})["job.planned"]
    until = moment(planned["job"]["valid_until"])
    assert until - moment(planned["at"]) == timedelta(minutes=minutes)


def test_an_approval_is_waited_for_as_long_as_the_rule_lets_its_job_be_sent(
    recorded_under: Callable[[str, Reply], dict[str, Reply]],
) -> None:
    """What is approved later would be sent later."""
    waits = recorded_under("valid_for: 1m, approval: required", UPGRADE)["delivery.awaiting"]
    until = moment(waits["request"]["lease_until"])
    assert until - moment(waits["at"]) == timedelta(minutes=1)


def test_the_built_in_policy_is_named_too(
    fire: Fire, drop: Drop, recorded: Callable[[], list[Reply]]
) -> None:
    """Its digest is a word: it is part of the code, whose digest the log has."""
    fire(drop("drop/a.yaml", json.dumps(UPGRADE).encode()))
    reply = fire(drop("drop/b.yaml", json.dumps(PRIVILEGED.api_form()).encode()))
    assert "rule 1 of the built-in policy (everyone)" in reply["errors"][0]
    named = [one["delivery"]["policy"] for one in recorded() if "policy" in one.get("delivery", {})]
    assert named == ["built-in"] * 3


def test_a_change_of_the_policy_counts_for_the_next_plan(
    policy: Path, fire: Fire, drop: Drop
) -> None:
    """A plan that stands is carried out; the same bytes again are answered from the log."""
    event = drop("drop/a.yaml", json.dumps(UPGRADE).encode())
    first = fire(event)
    policy.write_bytes(CLOSED)
    assert (fire(event)["outcome"], first["outcome"]) == ("duplicate", "submitted")
    other = {**UPGRADE, "name": "y"}
    assert fire(drop("drop/a.yaml", json.dumps(other).encode()))["outcome"] == "rejected"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot be read"), (b"rules: []", "not valid"), (b"rules: [{nodse: []}]", "line 1")],
    ids=["missing", "empty", "misspelt"],
)
def test_without_a_valid_policy_nothing_is_planned(
    content: bytes | None, why: str, policy: Path, fire: Fire, drop: Drop
) -> None:
    """The event is raised, so that it is delivered again; once corrected, it is planned."""
    policy.unlink()
    if content is not None:
        policy.write_bytes(content)
    event = drop("drop/a.yaml", json.dumps(UPGRADE).encode())
    with pytest.raises(PolicyError, match=rf"^NIGHTDROP_POLICY: .*{why}.*nothing is planned"):
        fire(event)
    waiting = fire({"action": "reconcile"})
    assert any(why in error for error in waiting["errors"])
    assert waiting["jobs"] == []
    policy.write_bytes(OPEN)
    assert fire({"action": "reconcile"})["jobs"][0]["state"] == "created"


@pytest.mark.parametrize("place", ["policy.yaml", "other/policy.yaml"])
def test_a_policy_in_obs_is_read_for_each_plan(
    place: str, emulator: Emulator, environ: Environ, fire: Fire, drop: Drop
) -> None:
    """Outside the watched prefix; without it, nothing is planned."""
    environ["NIGHTDROP_POLICY"] = f"obs://{BUCKET}/{place}"
    event = drop("drop/a.yaml", json.dumps(UPGRADE).encode())
    with pytest.raises(
        PolicyError, match=f"NIGHTDROP_POLICY: obs://{BUCKET}/{place}: no such object"
    ):
        fire(event)
    emulator.state.put_object(BUCKET, place, OPEN)
    assert fire(event)["outcome"] == "submitted"
    emulator.state.put_object(BUCKET, place, CLOSED)
    other = json.dumps({**UPGRADE, "name": "y"}).encode()
    assert fire(drop("drop/a.yaml", other))["outcome"] == "rejected"


def test_a_policy_in_obs_that_may_not_be_read_stops_every_plan(
    emulator: Emulator, environ: Environ, fire: Fire, drop: Drop
) -> None:
    """What OBS says is in the error."""
    environ["NIGHTDROP_POLICY"] = "obs://no-such-bucket/policy.yaml"
    with pytest.raises(PolicyError, match="no such bucket; nothing is planned"):
        fire(drop("drop/a.yaml", json.dumps(UPGRADE).encode()))
    assert emulator.state.all_jobs() == []
