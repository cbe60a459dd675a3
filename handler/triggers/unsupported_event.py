"""Describes an event that is not supported, so that its sender can be found."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from handler.errors import Problem
from handler.parsing.foreign_format import detect_text_format
from handler.triggers.delivery import EVENT_ACTIONS, FULL_ACTIONS, PLAIN_ACTIONS
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.values.canonical_json import Json

_SUPPORTED = (
    "supported are a timer (trigger_type TIMER), OBS events (classic, with Records, or through "
    'EventGrid), a job spec as the event itself, {"action": "reconcile"}, {"action": "doctor"}, '
    '{"action": "probe"}, {"action": "summary"}, {"action": "plan", "spec": …}, '
    '{"action": "job.pause", "job": NAME} (or resume, retry, delete, abandon), and '
    '{"action": "rollout.pause", "rollout": NAME} (or resume, approve, stop, retry)'
)
_UNKNOWN = "an object without the fields of an event"

# In the order they are tried; the marks are those of the platform's own sample events.
_MARKS: tuple[tuple[str, Callable[[dict[str, Json]], bool]], ...] = (
    ("a Kafka event", lambda event: event.get("trigger_type") == "KAFKA"),
    ("a RocketMQ event", lambda event: event.get("trigger_type") == "ROCKETMQ"),
    ("an event of another trigger", lambda event: "trigger_type" in event),
    (
        "an EventGrid event of OBS whose data is not the single message that OBS sends",
        lambda event: "specversion" in event and _is_of_obs(event),
    ),
    ("an EventGrid event of another source than OBS", lambda event: "specversion" in event),
    ("an SMN notification", lambda event: "smn" in _first(event.get("record"))),
    ("a DDS event", lambda event: "dds" in _first(event.get("records"))),
    ("a GaussDB event", lambda event: "gauss_mongo" in _first(event.get("records"))),
    ("a CTS trace", lambda event: "cts" in event),
    ("an LTS log event", lambda event: "lts" in event),
    ("an API gateway request", lambda event: {"requestContext", "httpMethod"} <= event.keys()),
    ("a DIS event", lambda event: {"Message", "ShardID"} <= event.keys()),
    (
        "the message of an asynchronous destination",
        lambda event: {"request_context", "request_payload"} <= event.keys(),
    ),
)


def unsupported_event_problem(event: Json) -> Problem:
    """Return what is wrong with an event that holds neither deliveries nor an action."""
    if event == {}:
        return Problem(f"the event is empty; {_SUPPORTED}")
    looks = describe_event(event)
    if isinstance(event, dict) and "action" in event and looks == _UNKNOWN:
        return unknown_action_problem(event)
    return Problem(f"this looks like {looks}, which is not supported; {_SUPPORTED}")


def unknown_action_problem(event: dict[str, Json]) -> Problem:
    """Return what is wrong with something that asks for an action, and not in the one right way."""
    name = event["action"]
    known = " or ".join(f'{{"action": "{one}"}}' for one in PLAIN_ACTIONS)
    if isinstance(name, str) and name in FULL_ACTIONS:
        return Problem(f"a timer cannot ask for {name}; an action is {known}", "action")
    if isinstance(name, str) and name not in PLAIN_ACTIONS:
        close = get_close_matches(name[:40].casefold(), EVENT_ACTIONS, n=1)
        every = f"an action is {known}; see events/README.md"
        instead = f'did you mean "{close[0]}"?' if close else every
        return Problem(f'unknown action "{display(name, longest=40)}"; {instead}', "action")
    return Problem(f"an action is {known} and nothing beside it", "action")


def describe_event(event: Json) -> str:
    """Return what an event looks like, such as `a Kafka event`; never a value of it."""
    if isinstance(event, dict):
        return next((name for name, has in _MARKS if has(event)), _UNKNOWN)
    if event is None:
        return "null"
    if isinstance(event, bool):
        return "true or false"
    if isinstance(event, str):
        return f"a text that is no JSON{_reason(event)}"
    return "a list" if isinstance(event, list) else "a number"


def _is_of_obs(event: dict[str, Json]) -> bool:
    source, kind = str(event.get("source")), str(event.get("type"))
    return source.startswith("HC.OBS") or kind.startswith("OBS:")


def _reason(text: str) -> str:
    """Return the detected format of the text in brackets; "" if unknown."""
    if text.startswith("\ufeff"):
        return " (it begins with a byte order mark; send it without)"
    told = detect_text_format(text)
    return f" ({told})" if told else ""


def _first(items: Json) -> dict[str, Json]:
    first = items[0] if isinstance(items, list) and items else None
    return first if isinstance(first, dict) else {}
