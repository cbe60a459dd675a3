"""Whether the object that was read is the one its event told of, and who is behind it then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.audit.record import Part

CHANGED = (
    "the object was written again after the event that is recorded here; what is run is what "
    "stands there now, and who wrote it is not known"
)
"""What a person is told of a plan that is made of another object than the event told of."""


def differences(told: Part, read: Part) -> str:
    """Return what tells the object that was read from the one an event told of, "" if nothing.

    Args:
        told: What the log records of the event: `version_id` and `etag`, where it has them.
        read: What OBS said on reading: `read_version_id` and `read_etag`, where it said so.
    """
    return ", ".join(
        name
        for name in ("version_id", "etag")
        if told.get(name)
        and read.get(f"read_{name}")
        and _bare(told[name]) != _bare(read[f"read_{name}"])
    )


def is_changed(read: Part) -> bool:
    """Return whether what was read differs from what the event told of."""
    return "read_differs" in read


def actor_of(actor: Part, read: Part) -> Part:
    """Return who is behind what was read: of another upload than the event's nobody knows."""
    if is_changed(read) and actor.get("kind") == "uploader":
        return {"kind": "unknown"}
    return actor


def _bare(tag: str | int | None) -> str:
    return str(tag).strip('"')
