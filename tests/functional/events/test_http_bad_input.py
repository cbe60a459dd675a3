"""Bad input of every kind, over HTTP: a recorded rejection with a clear message, no traceback."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Reply = dict[str, Any]
    Post = Callable[..., tuple[int, Any]]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
BOMB = b"a: &a [x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in range(ord("b"), ord("z"))
)

EVENTS = {
    "no body": (b"", "the event is empty"),
    "null": (b"null", "the event is empty"),
    "not JSON": (b"{", "a text that is no JSON"),
    "not UTF-8": (b"\xc3{}", "a text that is no JSON"),
    "UTF-16": (b"\xff\xfe{\x00}\x00", "no JSON (UTF-16; save it as UTF-8)"),
    "UTF-16 without a mark": ('{"kind": 1}'.encode("utf-16-be"), "(UTF-16; save it as UTF-8)"),
    "a byte order mark": (b'\xef\xbb\xbf{"kind": 1}', "(it begins with a byte order mark"),
    "gzip": (gzip.compress(b"{}"), "(compressed with gzip; decompress it first)"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00", "(an image, not a text)"),
    "a list": (b"[1, 2]", "a list"),
    "a text": (b'"hello"', "a text that is no JSON"),
    "a number": (b"7", "a number"),
    "a truth": (b"true", "true or false"),
    "deep brackets": (b"[" * 100_000, "a text that is no JSON"),
    "brackets that are too deep": (b"[" * 60 + b"]" * 60, "levels deep"),
    "not a number": (b'{"kind": NaN}', "not JSON numbers"),
    "half a character": (b'{"kind": "\\ud800"}', "kind"),
    "a very large number": (b'{"kind": 1' + b"0" * 5000 + b"}", "a text that is no JSON"),
    "an unknown trigger": (b'{"trigger_type": "KAFKA"}', "a Kafka event"),
    "an unknown object": (b'{"a": 1}', "without the fields of an event"),
    "no records": (b'{"Records": []}', "at least one"),
    "records of nothing": (b'{"Records": [null]}', "not an event of OBS"),
    "a timer without a time": (b'{"trigger_type": "TIMER"}', "missing"),
    "a large event": (json.dumps({"kind": "x" * 300_000}).encode(), "bytes"),
    "a very large event": (b'{"kind": "' + b"x" * 5_000_000 + b'"}', "bytes"),
    "an event of many values": (json.dumps({"kind": [0] * 30_000}).encode(), "values"),
    "a spec with everything wrong": (b'{"kind": 1, "name": []}', "document 1"),
}

FILES = {
    "white space": (b" \n\t\n", ""),
    "gzip": (gzip.compress(UPGRADE), "compressed with gzip; decompress it first"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00", "an image, not a text"),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + b"{'kind': 1}", "byte order mark"),
    "a template": (UPGRADE.replace(b"hall", b"{{ hall }}"), "a template that was not rendered"),
    "a changed number": (UPGRADE + b"version: 1.10\n", "put it in quotes"),
    "a hidden line break": (UPGRADE + "# 1\u2028serial: 9\n".encode(), "U+2028"),
    "a field in capitals": (b"K" + UPGRADE[1:], "did you mean `kind`?"),
    "UTF-16": (UPGRADE.decode().encode("utf-16"), "UTF-8"),
    "Latin-1": (UPGRADE + "description: für\n".encode("latin-1"), "UTF-8"),
    "binary": (bytes(range(256)), "UTF-8"),
    "zeros": (bytes(1000), ""),
    "5 MB": (b"#" * 5_000_000, "larger than 262144 bytes"),
    "deep JSON brackets": (b"[" * 60_000, ""),
    "deep JSON objects": (b'{"a":' * 20_000, ""),
    "deep YAML brackets": (b"a: " + b"[" * 60_000, ""),
    "deep YAML lists": (b"- " * 30_000, ""),
    "an alias bomb": (BOMB, "alias"),
    "a tag": (b'a: !!python/object/apply:os.system ["true"]\n', "tag"),
    "NaN": (b'{"kind": NaN}', ""),
    "keys twice": (b'{"kind": "a", "kind": "b"}', ""),
    "a text": (b"hello", "must be a mapping"),
    "many documents": (b"---\na: 1\n" * 10_001, ""),
}

REASONS = {"missing": "no such object", "denied": "agency", "foreign": "NIGHTDROP_BUCKETS"}


def is_recorded(records: list[Reply], request_id: str, errors: list[str]) -> bool:
    """Return whether a rejection with these errors is in the log for a request."""
    return any(
        str(record["action"]).endswith(".rejected")
        and record["function"]["request_id"] == request_id
        and record["note"].splitlines() == errors
        for record in records
    )


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_that_cannot_be_used_is_rejected_and_recorded(
    post: Post, cloud_records: Recorded, kind: str
) -> None:
    """HTTP 200: a retry would change nothing."""
    body, expected = EVENTS[kind]
    request_id = str(uuid4())
    status, reply = post(body, **{"X-Cff-Request-Id": request_id})
    assert (status, reply["outcome"], reply["jobs"]) == (200, "rejected", [])
    assert expected in "\n".join(reply["errors"])
    assert "Traceback" not in json.dumps(reply)
    assert is_recorded(cloud_records(), request_id, reply["errors"])


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_is_rejected_and_recorded(
    cloud: Emulator, post: Post, cloud_drop: Drop, cloud_records: Recorded, kind: str
) -> None:
    """The person who dropped it finds the reason in a result file."""
    data, expected = FILES[kind]
    request_id = str(uuid4())
    status, reply = post(cloud_drop(f"drop/{kind}.yaml", data), **{"X-Cff-Request-Id": request_id})
    assert (status, reply["outcome"], reply["jobs"]) == (200, "rejected", [])
    assert reply["errors"]
    assert expected in "\n".join(reply["errors"])
    assert is_recorded(cloud_records(), request_id, reply["errors"])
    kept = cloud.state.buckets["nightdrop-drop"][f"results/{kind}.yaml.result.json"].data
    assert json.loads(kept)["errors"] == reply["errors"]


@pytest.mark.parametrize("what", REASONS)
def test_an_object_that_is_unavailable_is_rejected_and_recorded(
    cloud: Emulator, post: Post, cloud_drop: Drop, cloud_records: Recorded, what: str
) -> None:
    """It is gone, the agency may not read it, or its bucket is not ours."""
    bucket = "another-bucket" if what == "foreign" else "nightdrop-drop"
    event = cloud_drop(f"drop/{what}.yaml", UPGRADE, bucket=bucket)
    if what == "missing":
        cloud.state.remove_object(bucket, f"drop/{what}.yaml")
    if what == "denied":
        cloud.state.denied.add((bucket, f"drop/{what}.yaml"))
    request_id = str(uuid4())
    status, reply = post(event, **{"X-Cff-Request-Id": request_id})
    assert (status, reply["outcome"], reply["jobs"]) == (200, "rejected", [])
    assert REASONS[what] in reply["errors"][0]
    assert is_recorded(cloud_records(), request_id, reply["errors"])


def test_the_function_still_works_after_all_bad_input(
    cloud: Emulator, post: Post, cloud_drop: Drop
) -> None:
    """Nothing above made a job, and the next file does."""
    assert cloud.state.all_jobs() == []
    assert post(cloud_drop("drop/hall.yaml", UPGRADE))[1]["outcome"] == "submitted"
