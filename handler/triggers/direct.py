"""A job spec that is the event itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

_MARKS = frozenset({"kind", "job_name", "job_type", "job_content"})


def is_spec(event: dict[str, Json]) -> bool:
    """Return whether an event has a field that only a job spec has."""
    return not _MARKS.isdisjoint(event)


def from_spec(event: dict[str, Json]) -> Delivery:
    """Return the delivery of a job spec; the same spec handed over again has the same key."""
    return Delivery(
        key=key_of(event),
        trigger="direct",
        subject="direct",
        fired_at=None,
        actor={"kind": "caller"},
        source={"shape": "direct"},
        spec=InlineSpec(json.dumps(event, ensure_ascii=False)),
    )
