"""From an event to its deliveries, and which of these are to be run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from handler.errors import EventRejectedError, Problem
from handler.triggers.delivery import Action, Delivery, InlineSpec, StoredSpec, action_of
from handler.triggers.object_event import SPEC_NAMES, is_creation, is_scratch, is_spec_name
from handler.triggers.object_storage import is_cloud_event, parse_cloud_event, parse_records
from handler.triggers.timer import parse_timer_event
from handler.triggers.unsupported_event import unsupported_event_problem
from handler.values.canonical_json import key_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from handler.triggers.delivery import InvalidEntry
    from handler.values.canonical_json import Json

_SPEC_FIELDS = frozenset({"kind", "job_name", "job_type", "job_content"})


@dataclass(frozen=True)
class Ignored:
    """A delivery that is recorded and asks for nothing.

    Attributes:
        reason: Why, in one sentence without values.
    """

    reason: str


def parse_event(
    event: Json, *, eventgrid_keys: Literal["encoded", "raw"]
) -> tuple[Delivery | InvalidEntry, ...] | Action:
    """Return what an event holds: its deliveries in their order, or an action.

    No field tells the triggers apart, so each has its own mark: a timer its `trigger_type`, classic
    OBS its `Records`, EventGrid the attributes that CloudEvents 1.0 requires, a job spec its own
    fields. An entry of object storage that cannot be used becomes a `InvalidEntry`, so that one bad
    entry does not lose the others.

    Args:
        event: Any JSON value within the limits of `handler.parsing.check`.
        eventgrid_keys: Whether EventGrid is set to URL-encode object keys (`Key_encode` of the
            trigger, `objectKeyEncode` of a subscription). Classic events always do.

    Raises:
        EventRejectedError: The event is of no supported shape, or its envelope is broken.
    """
    if isinstance(event, dict):
        if event.get("trigger_type") == "TIMER":
            request = parse_timer_event(event)
            return request if isinstance(request, Action) else (request,)
        if "Records" in event:
            return parse_records(event["Records"])
        if is_cloud_event(event):
            return (parse_cloud_event(event, eventgrid_keys),)
        if action := action_of(event):
            return action
        if is_spec(event):
            return (direct_delivery(event),)
    raise EventRejectedError([unsupported_event_problem(event)])


def is_spec(event: dict[str, Json]) -> bool:
    """Return whether an event has a field that only a job spec has."""
    return not _SPEC_FIELDS.isdisjoint(event)


def direct_delivery(event: dict[str, Json]) -> Delivery:
    """Return the delivery of an event that is a job spec; the same spec has the same key."""
    return Delivery(
        key=key_of(event),
        trigger="direct",
        subject="direct",
        fired_at=None,
        actor={"kind": "caller"},
        source={"shape": "direct"},
        spec=InlineSpec(json.dumps(event, ensure_ascii=False)),
    )


def filter_delivery(
    delivery: Delivery,
    *,
    buckets: Collection[str],
    prefix: str,
    results: tuple[str, str] | None,
) -> Ignored | None:
    """Return why a delivery asks for nothing, or None if it is to be run.

    A timer may name an object anywhere in the configured buckets; the prefix, the results and the
    kind of event matter only to objects that fired themselves.

    Args:
        delivery: What fired.
        buckets: The buckets this function may read from.
        prefix: What the key of a dropped file begins with; "" is every key.
        results: Bucket and prefix that the function's own result files go to, if any.

    Raises:
        EventRejectedError: The object is in a bucket that is not configured, or was dropped under
            a name that no job spec has.
    """
    spec = delivery.spec
    if not isinstance(spec, StoredSpec):
        return None
    if spec.bucket not in buckets:
        raise EventRejectedError(
            [
                Problem(
                    "not one of this function's buckets: add it to NIGHTDROP_BUCKETS, or remove "
                    "the trigger",
                    path="bucket",
                )
            ]
        )
    if delivery.trigger != "object":
        return None
    reason = _reason(spec, str(delivery.source.get("event_name", "")), prefix, results)
    if reason:
        return Ignored(reason)
    if not is_spec_name(spec.key):
        raise EventRejectedError([Problem(SPEC_NAMES, "key")])
    return None


def _reason(
    spec: StoredSpec, event_name: str, prefix: str, results: tuple[str, str] | None
) -> str | None:
    if not is_creation(event_name):
        return "the event does not tell of a new object"
    if results is not None and spec.bucket == results[0] and spec.key.startswith(results[1]):
        return "the object is one of the function's own results"
    if not spec.key.startswith(prefix):
        return "the key is outside the configured prefix"
    if spec.key.endswith("/"):
        return "the object is a directory marker"
    if is_scratch(spec.key, prefix):
        return "the object is a file that an editor or a system keeps beside others"
    return None
