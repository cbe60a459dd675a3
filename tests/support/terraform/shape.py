"""Checks that the function accepts what the shape renders and stays within its rights."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any, cast

from handler.errors import NightdropError
from handler.settings import Settings, load
from handler.triggers.delivery import Action, Delivery, InlineSpec
from handler.triggers.event_parser import Watched, filter_delivery, parse_event
from tests.support.terraform.provider import EVENT_DATA
from tests.support.terraform.rendering import LEAST, MOST, rendered, terraform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_ENTRIES, MOST_BYTES = 20, 4096
PATH = "drop/depot nord/a+b.yaml"
RIGHTS = frozenset(
    {
        *("obs:bucket:ListBucket", "obs:object:GetObject", "obs:object:PutObject"),
        *("obs:object:DeleteObject", "obs:object:GetObjectVersion", "smn:topic:publish"),
        *("ief:batchjob:create", "ief:batchjob:list", "ief:batchjob:get", "ief:node:list"),
        *("ief:batchjob:update", "ief:batchjob:delete"),
    }
)
NETWORK_RIGHTS = frozenset(
    {
        *("vpc:ports:create", "vpc:ports:delete", "vpc:ports:get", "vpc:ports:update"),
        *("vpc:subnets:get", "vpc:vpcs:get", "vpc:securityGroups:get"),
    }
)


def shape(infra: Path) -> Iterator[str]:
    """Yield a sentence for each thing wrong with what the shape renders, at least and at most."""
    for variables in (LEAST, MOST):
        try:
            outputs = rendered(infra / "shape", variables)
        except ValueError as error:
            yield f"the shape refuses what it should take: {error}"
            return
        yield from _settings(outputs)
        yield from _triggers(outputs)
        yield from _policies(outputs, RIGHTS | (NETWORK_RIGHTS if variables["in_vpc"] else set()))
        yield from _entry(outputs["handler"], infra / "index.py")
    tested = terraform("test", "-no-color", at=infra / "shape")
    if tested.status:
        yield f"terraform test: {tested.text}"


def _settings(outputs: dict[str, Any]) -> Iterator[str]:
    plain, secret = (
        json.loads(outputs[name] or "{}") for name in ("user_data", "secret_user_data")
    )
    for name, entry_data in (("user_data", plain), ("secret_user_data", secret)):
        if len(entry_data) > MOST_ENTRIES or len(json.dumps(entry_data)) > MOST_BYTES:
            yield f"{name} is larger than the platform takes"
    given = {**plain, **secret}
    known = {f"NIGHTDROP_{field.upper()}" for field in Settings.model_fields}
    yield from (f"the function has no setting {name}" for name in sorted(given.keys() - known))
    if any("KEY" in name.split("_") or "://nightdrop:" in text for name, text in plain.items()):
        yield "a secret is in the plain settings"
    try:
        load(given.get, {"RUNTIME_PROJECT_ID": "p-1"})  # the platform sets it
    except NightdropError as error:
        yield f"the function refuses its settings: {error}"


def _triggers(outputs: dict[str, Any]) -> Iterator[str]:
    for name, timer in outputs["timers"].items():
        entry_data = json.loads(timer["event_data"])
        if entry_data.keys() != EVENT_DATA["TIMER"]:
            yield f"timer {name}: event_data has other fields than the platform's"
            continue
        yield from _tick(name, entry_data)
    if "tick" not in outputs["timers"]:
        yield "the reconciler has no tick"
    trigger = outputs["drop_trigger"]
    entry_data = json.loads(trigger["event_data"])
    if entry_data.keys() != EVENT_DATA.get(trigger["type"], ()):
        yield f"the drop trigger {trigger['type']}: event_data has other fields than the platform's"
        return
    yield from _drop(trigger["type"], entry_data, json.loads(outputs["user_data"]))


def _tick(name: str, entry_data: dict[str, str]) -> Iterator[str]:
    event = {
        "version": "v1.0",
        "time": "2026-11-24T02:00:00+08:00",
        "trigger_type": "TIMER",
        "trigger_name": entry_data["name"],
        "user_event": entry_data["user_event"],
    }
    try:
        asked = parse_event(cast("Any", event), eventgrid_keys="encoded")
    except NightdropError as error:
        yield f"timer {name}: the function refuses it: {error}"
        return
    if (name in {"tick", "summary"}) is not isinstance(asked, Action):
        yield f"timer {name}: the function takes it for something else"


def _drop(kind: str, entry_data: dict[str, Any], settings: dict[str, str]) -> Iterator[str]:
    """Yield the errors when the trigger fires, and when the function's own result fires it."""
    bucket, _, prefix = settings.get("NIGHTDROP_RESULTS", "").removeprefix("obs://").partition("/")
    for key, place, wanted in ((PATH, entry_data["bucket"], True), (f"{prefix}a", bucket, False)):
        fired = bool(place == entry_data["bucket"] and key.startswith(entry_data.get("prefix", "")))
        if wanted is not fired and (kind == "OBS" or wanted):
            yield f"the drop trigger {'misses a spec' if wanted else 'fires for results'}"
    (delivery,) = cast(
        "tuple[Delivery]",
        parse_event(_event(kind, entry_data), eventgrid_keys=cast("Any", "encoded")),
    )
    if isinstance(delivery.spec, InlineSpec) or delivery.spec.key != PATH:
        yield "the function reads another key than was dropped"
    ignored = filter_delivery(
        delivery,
        Watched(
            settings.get("NIGHTDROP_BUCKETS", "").split(","),
            settings.get("NIGHTDROP_PREFIX", ""),
            (bucket, prefix),
        ),
    )
    if ignored:
        yield f"the function ignores what is dropped: {ignored.reason}"


def _event(kind: str, entry_data: dict[str, Any]) -> Any:  # noqa: ANN401 - an event is any JSON
    entry = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-23T14:05:31.482Z",
        "responseElements": {"x-obs-request-id": "r-1"},
        "obs": {
            "bucket": {"name": entry_data["bucket"]},
            "object": {"key": "drop%2Fdepot+nord%2Fa%2Bb.yaml", "size": 1},
        },
    }
    if kind == "OBS":
        return {"Records": [entry]}
    return {
        "specversion": "1.0",
        "id": "r-1",
        "source": entry_data["source_name"],
        "type": entry_data["event_types"][0],
        "time": "2026-11-23T14:12:41.530218000Z",
        "data": entry | {"eventSource": "OBS"},
    }


def _policies(outputs: dict[str, Any], rights: frozenset[str]) -> Iterator[str]:
    for name in ("bucket_policy", "project_policy"):
        policy = json.loads(outputs[name])
        if policy["Version"] != "1.1":
            yield f"{name}: the version of its language is not 1.1"
        for statement in policy["Statement"]:
            for action in sorted(set(statement["Action"]) - rights):
                yield f"{name}: {action} is not needed"
            if statement["Effect"] != "Allow":
                yield f"{name}: a statement that does not allow"
            yield from _resources(name, statement)


def _resources(name: str, statement: dict[str, Any]) -> Iterator[str]:
    entry_data = statement.get("Resource", [])
    if any(action.startswith("obs:") for action in statement["Action"]) and not entry_data:
        yield f"{name}: a statement for every bucket there is"
    for resource in entry_data:
        kind, _, place = resource.removeprefix("OBS:*:*:").partition(":")
        bucket, _, key = place.partition("/")
        if kind not in {"bucket", "object"} or "*" in bucket or not bucket:
            yield f"{name}: {resource} is more than one bucket"
        if kind == "object" and (not key.endswith("*") or "*" in key[:-1]):
            yield f"{name}: {resource} is no prefix of keys"
        if "obs:object:DeleteObject" in statement["Action"] and not key.endswith("/outbox/*"):
            yield f"{name}: more than the outbox may be deleted"


def _entry(entry_data: dict[str, str], index: Path) -> Iterator[str]:
    names = {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(index.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for place, name in entry_data.items():
        module, _, function = name.partition(".")
        if module != index.stem or function not in names or place != function:
            yield f"{place} {name} is not in the zip's entry file"
