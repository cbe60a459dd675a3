"""Object storage: classic notifications in both their shapes, and CloudEvents of EventGrid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError

from handler.errors import EventRejectedError, Problem
from handler.parsing import format_path
from handler.parsing.validation_errors import json_problems
from handler.triggers.delivery import Delivery, InvalidEntry, StoredSpec
from handler.triggers.event_models import CloudEvent, Content, EventEntry
from handler.values.canonical_json import key_of, timestamp
from handler.values.object_names import LONGEST_KEY
from handler.values.rfc3339 import parse_rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from handler.parsing import Path
    from handler.values.canonical_json import Json

_Shape = Literal["obs-s3", "obs", "eventgrid"]


MAX_ENTRIES = 100
"""Entries of one event that are processed. OBS was never observed to send more than one."""


def parse_records(records: Json) -> tuple[Delivery | InvalidEntry, ...]:
    """Return a delivery or an `InvalidEntry` for each entry of a classic event's `Records`.

    Entries beyond `MAX_ENTRIES` become one `InvalidEntry`. No file is lost: the bucket scan finds
    theirs.

    Raises:
        EventRejectedError: `Records` is not a list, or is empty.
    """
    if not isinstance(records, list) or not records:
        problem = Problem("must be a list of at least one object event", path="Records")
        raise EventRejectedError([problem])
    looked_at, rest = records[:MAX_ENTRIES], records[MAX_ENTRIES:]
    found = [_from_entry(entry, ("Records", index)) for index, entry in enumerate(looked_at)]
    return (*found, _too_many(rest)) if rest else tuple(found)


def parse_cloud_event(
    event: dict[str, Json], keys: Literal["encoded", "raw"]
) -> Delivery | InvalidEntry:
    """Return the delivery of an EventGrid event, or an `InvalidEntry`.

    Args:
        event: The CloudEvent.
        keys: Whether its object keys are URL-encoded.
    """
    try:
        read = CloudEvent.model_validate(event)
    except ValidationError as error:
        return InvalidEntry(json_problems(error)[0], key_of(event), {"shape": "eventgrid"})
    content = read.data.obs
    if content is None:
        problem = Problem("must be an object", path="data.obs")
        return InvalidEntry(problem, key_of(event), {"shape": "eventgrid"})
    source = _source("eventgrid", read.data, content, read.id, read.time)
    try:
        key = _checked(content.stored.key if keys == "raw" else _decoded(content.stored.key))
    except ValueError as error:
        problem = Problem(str(error), path="data.obs.object.key")
        return InvalidEntry(problem, key_of(event), source)
    return _delivery(read.data, content, key, source, event)


def discovered_object(bucket: str, key: str, *, etag: str, modified_at: datetime) -> Delivery:
    """Return the delivery of an object that the bucket scan found.

    Args:
        bucket: The bucket's name.
        key: The object's key, decoded.
        etag: Its entity tag.
        modified_at: When it was written, aware.
    """
    time = timestamp(modified_at)
    return Delivery(
        key=key_of({"bucket": bucket, "key": key, "etag": etag, "modified_at": time}),
        trigger="object",
        subject=f"obs://{bucket}/{key}",
        fired_at=modified_at,
        actor={"kind": "scan"},
        source={
            "shape": "discovered",
            "bucket": bucket,
            "key": key,
            "etag": etag,
            "event_name": "ObjectCreated:Discovered",
            "time": time,
        },
        spec=StoredSpec(bucket, key, etag=etag),
    )


def _too_many(rest: list[Json]) -> InvalidEntry:
    problem = Problem(
        f"{len(rest)} entries after the first {MAX_ENTRIES} were not processed; send at most "
        f"{MAX_ENTRIES} in one event. New files are found by the next run of the reconciler",
        path="Records",
    )
    return InvalidEntry(problem, key_of(["rest", rest]), {"shape": "unknown"})


def _from_entry(raw: Json, path: Path) -> Delivery | InvalidEntry:
    if not isinstance(raw, dict) or not ("s3" in raw or "obs" in raw):
        message = "not an event of OBS: it has neither `s3` nor `obs`"
        problem = Problem(message, format_path(path))
        return InvalidEntry(problem, key_of(raw), {"shape": "obs"})
    shape: _Shape = "obs-s3" if "s3" in raw else "obs"
    try:
        entry = EventEntry.model_validate(raw)
    except ValidationError as error:
        return InvalidEntry(json_problems(error, path)[0], key_of(raw), {"shape": shape})
    content = entry.s3 or entry.obs
    container = "s3" if shape == "obs-s3" else "obs"
    if content is None:
        problem = Problem("must be an object", format_path((*path, container)))
        return InvalidEntry(problem, key_of(raw), {"shape": shape})
    source = _source(shape, entry, content, None, entry.event_time)
    try:
        key = _checked(_decoded(content.stored.key))
    except ValueError as error:
        problem = Problem(str(error), format_path((*path, container, "object", "key")))
        return InvalidEntry(problem, key_of(raw), source)
    return _delivery(entry, content, key, source, raw)


def _delivery(
    entry: EventEntry, content: Content, key: str, source: dict[str, str | int], raw: Json
) -> Delivery | InvalidEntry:
    bucket, stored = content.bucket.name, content.stored
    version = _version(content)
    identity: dict[str, Json] = {"bucket": bucket, "key": key}
    if "event_id" in source:
        identity["id"] = source["event_id"]
    elif version or stored.etag or stored.sequencer:
        identity |= {"version_id": version, "etag": stored.etag}
        identity |= {"sequencer": stored.sequencer, "event_name": entry.event_name}
    elif "time" in source:
        identity |= {"time": source["time"], "event_name": entry.event_name}
    else:
        problem = Problem(
            "has no request id, versionId, eTag, sequencer or time, so this upload cannot be "
            "distinguished from another one of the same key"
        )
        return InvalidEntry(problem, key_of(raw), source)
    return Delivery(
        key=key_of(identity),
        trigger="object",
        subject=f"obs://{bucket}/{key}",
        fired_at=parse_rfc3339(str(source.get("time", ""))),
        actor=_actor(entry),
        source=source | {"key": key},
        spec=StoredSpec(bucket, key, version, stored.etag, stored.size),
    )


def _actor(entry: EventEntry) -> dict[str, str]:
    known = {
        "account": entry.user.account if entry.user else None,
        "principal": entry.user.principal if entry.user else None,
        "ip": entry.request.ip if entry.request else None,
    }
    return {"kind": "uploader"} | {name: value for name, value in known.items() if value}


def _source(
    shape: _Shape, entry: EventEntry, content: Content, event_id: str | None, time: str | None
) -> dict[str, str | int]:
    response = entry.response
    request_id = (response.obs_id or response.s3_id) if response else None
    known: dict[str, str | int | None] = {
        "shape": shape,
        "bucket": content.bucket.name,
        "version_id": _version(content),
        "etag": content.stored.etag,
        "size": content.stored.size,
        "event_id": event_id or request_id,
        "event_name": entry.event_name,
        "time": time,
    }
    return {name: value for name, value in known.items() if value is not None}


def _version(content: Content) -> str | None:
    return None if content.stored.version == "null" else content.stored.version


def _decoded(key: str) -> str:
    # unquote_plus of urllib replaces invalid UTF-8: the key of another object could result.
    try:
        return unquote_to_bytes(key.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("does not decode to UTF-8; OBS URL-encodes keys as UTF-8") from error


def _checked(key: str) -> str:
    if "\0" in key:
        raise ValueError("has a NUL character, which object keys must not have")
    if len(key.encode()) > LONGEST_KEY:
        raise ValueError(f"must be at most {LONGEST_KEY} bytes, the limit of OBS for a key")
    return key
