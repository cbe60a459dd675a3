"""A hostile event, and what well-formed events it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Answer: TypeAlias = Literal["rejected", "ignored", "raised", "deferred"]
"""`raised` asks the platform to deliver the event again: there is no cloud here."""

BUCKET = "nightdrop-drop"
SPEC = "kind: node_upgrade\nname: hall\ntargets: {nodes: [node-1]}\n"


@dataclass(frozen=True)
class EventCase:
    """One hostile event.

    Attributes:
        name: What it is called.
        attacks: What it is after, in one line.
        make: Makes the event; large ones are created only in the child process.
        answer: The expected answer.
    """

    name: str
    attacks: str
    make: Callable[[], object]
    answer: Answer = "rejected"


def entry(shape: str = "obs", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a well-formed entry of `Records`, some of its fields changed.

    Args:
        shape: `obs` or `s3`.
        changes: `key`, `bucket`, `size`, `etag`, `version`, `sequencer`, or a field of the entry.
    """
    names = {"size": "size", "etag": "eTag", "version": "versionId", "sequencer": "sequencer"}
    stored = {"key": changes.pop("key", "drop%2Fhall.yaml"), "eTag": "e" * 32}
    stored |= {field: changes.pop(name) for name, field in names.items() if name in changes}
    content = {"bucket": {"name": changes.pop("bucket", BUCKET)}, "object": stored}
    return {"eventName": "ObjectCreated:Put", shape: content, **changes}


def records(*entries: object) -> dict[str, Any]:
    """Return a classic event of some entries."""
    return {"Records": list(entries)}


def cloud_event(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a well-formed event of EventGrid with some of its attributes changed."""
    event = {"specversion": "1.0", "id": "i-1", "source": "HC.OBS.DWR", "type": "t"}
    return {**event, "time": "2026-11-25T12:00:00Z", "data": entry(), **changes}


def timer(user_event: object = "", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a well-formed tick with a user event, and some of its fields changed."""
    tick = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": "nightly"}
    return {**tick, "time": "2026-11-25T02:00:00Z", "user_event": user_event, **changes}


def nested(depth: int, inner: object, *, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return a value inside so many lists, or mappings with one key of a name."""
    for _ in range(depth):
        inner = {name: inner} if name else [inner]
    return inner
