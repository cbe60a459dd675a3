"""Timer events: a tick, and the spec or action in its `user_event`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handler.errors import EventRejectedError, Problem, SpecRejectedError
from handler.parsing import Limits, read
from handler.parsing.validation_errors import json_problems
from handler.triggers.delivery import Action, Delivery, InlineSpec, StoredSpec, action_of
from handler.values.canonical_json import key_of, short_key
from handler.values.object_names import LONGEST_KEY
from handler.values.rfc3339 import parse_rfc3339

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

# Bucket names as OBS allows them; the key is plain text, not URL-encoded.
_ADDRESS = re.compile(
    r"obs://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\0]{1,1024})", re.DOTALL
)

_MAYBE_NO_SPEC = re.compile(r'action|spec|\\[^"\\/bfnrt]')
"""In every text with the field `action` or `spec`: the word, or an escaped character."""


class TimerTick(BaseModel):
    """One tick of a timer. It has no id."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    trigger_name: str = Field(min_length=1, max_length=256)
    time: str = Field(min_length=1, max_length=64)
    user_event: str


def parse_timer_event(event: dict[str, Json]) -> Delivery | Action:
    """Return the delivery or the action of a timer's event.

    The event has no id, so its key is a hash of the trigger's name, the user event and the time.

    Raises:
        EventRejectedError: One of these is missing, or the user event names an invalid object
            or action.
    """
    try:
        tick = TimerTick.model_validate(event)
    except ValidationError as error:
        raise EventRejectedError(json_problems(error)) from error
    request = _requested(tick.user_event)
    if isinstance(request, Action):
        return replace(request, fired_at=parse_rfc3339(tick.time))
    source: dict[str, str | int] = {"shape": "timer", "trigger_name": tick.trigger_name}
    if isinstance(request, StoredSpec):
        source |= {"bucket": request.bucket, "key": request.key}
    return Delivery(
        key=key_of(
            {"trigger_name": tick.trigger_name, "user_event": tick.user_event, "time": tick.time}
        ),
        trigger="timer",
        subject=f"timer:{tick.trigger_name}:{short_key(key_of(tick.user_event))}",
        fired_at=parse_rfc3339(tick.time),
        actor={"kind": "timer", "name": tick.trigger_name},
        source=source | {"time": tick.time},
        spec=request,
    )


def _requested(user_event: str) -> StoredSpec | InlineSpec | Action:
    spec = InlineSpec(user_event)
    if not _MAYBE_NO_SPEC.search(user_event):
        return spec  # it is read once, by the pipeline
    try:
        documents = read(spec.data, Limits())
    except SpecRejectedError:
        return spec  # the pipeline reads it again and reports its errors
    value = documents[0].value if len(documents) == 1 else None
    if isinstance(value, dict) and "action" in value:
        return _action(value)
    if isinstance(value, dict) and "spec" in value:
        return _stored(value)
    return spec


def _action(value: dict[str, Json]) -> Action:
    action = action_of(value)
    if action is None:
        from handler.triggers.unsupported_event import unknown_action_problem

        raise EventRejectedError([unknown_action_problem(value)._replace(path="user_event.action")])
    return action


def _stored(value: dict[str, Json]) -> StoredSpec:
    address = value["spec"]
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None or len(value) > 1 or len(found["key"].encode()) > LONGEST_KEY:
        raise EventRejectedError(
            [
                Problem(
                    'to name a stored spec, write {"spec": "obs://bucket/key"} and no other field',
                    "user_event",
                )
            ]
        )
    return StoredSpec(found["bucket"], found["key"])
