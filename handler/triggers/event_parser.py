"""Parses events into deliveries, and filters those that must not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from handler.errors import EventRejectedError, Problem
from handler.triggers.delivery import (
    FULL_ACTIONS,
    Action,
    Delivery,
    StoredSpec,
    action_of,
    direct_delivery,
)
from handler.triggers.timer import parse_timer_event
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.settings import Settings
    from handler.triggers.delivery import InvalidEntry
    from handler.values.canonical_json import Json

_SPEC_FIELDS = frozenset({"kind", "job_name", "job_type", "job_content"})


_NAMED_LIKE_A_BUCKET = (
    "is in a folder with the name of another bucket of this function, where the result files of "
    "that bucket are; give the folder another name"
)


class Watched(NamedTuple):
    """Where an object is a spec when it is dropped.

    Attributes:
        buckets: The buckets that this function may read from.
        prefix: The key prefix of dropped files; "" matches every key.
        results: Bucket and prefix of the function's own result files, if it writes any.
    """

    buckets: Sequence[str]
    prefix: str
    results: tuple[str, str] | None

    @classmethod
    def of(cls, settings: Settings) -> Watched:
        """Return what a function with these settings watches."""
        return cls(settings.buckets, settings.prefix, settings.results)


class Ignored(NamedTuple):
    """A delivery that is recorded but not run."""

    reason: str


def parse_event(
    event: Json, *, eventgrid_keys: Literal["encoded", "raw"]
) -> tuple[Delivery | InvalidEntry, ...] | Action:
    """Return the deliveries of an event, in their order, or what else it asks for.

    No common field identifies the trigger. A timer is recognised by its `trigger_type`, classic OBS
    by `Records`, EventGrid by the attributes that CloudEvents 1.0 requires, a job spec by its own
    fields. An invalid entry of object storage becomes an `InvalidEntry` and does not affect the
    others.

    Args:
        event: Any JSON value within the limits of `handler.parsing.check_event`.
        eventgrid_keys: Whether EventGrid URL-encodes object keys (`Key_encode` of the
            trigger, `objectKeyEncode` of a subscription). Classic events always do.

    Raises:
        EventRejectedError: The event has no supported shape, or its envelope is invalid.
    """
    if isinstance(event, dict):
        if event.get("trigger_type") == "TIMER":
            request = parse_timer_event(event)
            return request if isinstance(request, Action) else (request,)
        if "Records" in event:
            from handler.triggers.object_storage import parse_records

            return parse_records(event["Records"])
        if is_cloud_event(event):
            from handler.triggers.object_storage import parse_cloud_event

            return (parse_cloud_event(event, eventgrid_keys),)
        if action := action_of(event):
            return action
        if event.get("action") in FULL_ACTIONS:
            from handler.triggers.action_event import parse_action_event

            return parse_action_event(event)
        if is_spec(event):
            return (direct_delivery(event),)
    from handler.triggers.unsupported_event import unsupported_event_problem

    raise EventRejectedError([unsupported_event_problem(event)])


def is_cloud_event(event: dict[str, Json]) -> bool:
    """Return whether an event is a CloudEvent that carries a message of OBS."""
    data = event.get("data")
    named = all(isinstance(event.get(name), str) for name in ("specversion", "source", "type"))
    return named and isinstance(data, dict) and "obs" in data


def is_spec(event: dict[str, Json]) -> bool:
    """Return whether an event has a field that only a job spec has."""
    return not _SPEC_FIELDS.isdisjoint(event)


def filter_delivery(delivery: Delivery, watched: Watched) -> Ignored | None:
    """Return why a delivery is ignored, or None if it must be run.

    A timer may name any object in the configured buckets. The prefix, the results and the kind of
    event are checked only for objects that fired themselves.

    Raises:
        EventRejectedError: The object is in a bucket that is not configured, or its name is
            not that of a job spec.
    """
    spec = delivery.spec
    if not isinstance(spec, StoredSpec):
        return None
    if spec.bucket not in watched.buckets:
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
    from handler.triggers.object_event import SPEC_NAMES, is_approval_name, is_spec_name

    reason = _reason(spec, str(delivery.source.get("event_name", "")), watched)
    if reason:
        return Ignored(reason)
    if not is_spec_name(spec.key) and not is_approval_name(spec.key):
        raise EventRejectedError([Problem(SPEC_NAMES, "key")])
    if results_collide(spec.bucket, spec.key, watched):
        raise EventRejectedError([Problem(_NAMED_LIKE_A_BUCKET, "key")])
    return None


def results_collide(bucket: str, key: str, watched: Watched) -> bool:
    """Return whether the result file of an object would be where another bucket's are."""
    first, *others = watched.buckets
    folder = key.removeprefix(watched.prefix).partition("/")[0]
    return watched.results is not None and bucket == first and folder in others


def object_problems(spec: StoredSpec, watched: Watched) -> Sequence[Problem]:
    """Return why an object would not be run when it is dropped; nothing if it would."""
    dropped = Delivery("", "object", "", None, {}, {"event_name": "ObjectCreated"}, spec)
    try:
        ignored = filter_delivery(dropped, watched)
    except EventRejectedError as error:
        return error.problems
    return [Problem(ignored.reason)] if ignored else []


def _reason(spec: StoredSpec, event_name: str, watched: Watched) -> str | None:
    from handler.triggers.object_event import is_creation, is_scratch

    if not is_creation(event_name):
        return "the event does not announce a new object"
    results = watched.results
    if results is not None and spec.bucket == results[0] and spec.key.startswith(results[1]):
        return "the object is one of the function's own results"
    if not spec.key.startswith(watched.prefix):
        return "the key is outside the configured prefix"
    if spec.key.endswith("/"):
        return "the object is a directory marker"
    if is_scratch(spec.key, watched.prefix):
        return "the object is a temporary or hidden file of an editor or an operating system"
    return None
