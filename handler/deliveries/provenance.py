"""Compares the object that was read with the one named in its event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.audit.record import Part

CHANGED = (
    "the object was written again after the event that is recorded here; what is run is what "
    "stands there now, and who wrote it is not known"
)
"""The note of a plan whose object is not the one named in the event."""


def differences(named: Part, read: Part) -> str:
    """Return which properties of the object that was read differ from its event; "" if none do.

    Args:
        named: What the event says: `version_id` and `etag`, where it has them.
        read: What OBS said on reading: `read_version_id` and `read_etag`, where it said so.
    """
    return ", ".join(
        name
        for name in ("version_id", "etag")
        if named.get(name)
        and read.get(f"read_{name}")
        and _bare(named[name]) != _bare(read[f"read_{name}"])
    )


def is_changed(read: Part) -> bool:
    """Return whether the object that was read is not the one named in the event."""
    return "read_differs" in read


def actor_of(actor: Part, read: Part) -> Part:
    """Return the actor; after a later upload than the event's it is unknown."""
    if is_changed(read) and actor.get("kind") == "uploader":
        return {"kind": "unknown"}
    return actor


def _bare(tag: str | int | None) -> str:
    return str(tag).strip('"')
