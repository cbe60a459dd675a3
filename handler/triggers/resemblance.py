"""What an event that is not supported looks like, so that its sender can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.reading import format_of_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.canonical import Json

# In the order they are tried; the marks are those of the platform's own sample events.
_MARKS: tuple[tuple[str, Callable[[dict[str, Json]], bool]], ...] = (
    ("a Kafka event", lambda event: event.get("trigger_type") == "KAFKA"),
    ("a RocketMQ event", lambda event: event.get("trigger_type") == "ROCKETMQ"),
    ("an event of another trigger", lambda event: "trigger_type" in event),
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
    ("an empty object", lambda event: not event),
)


def resemblance(event: Json) -> str:
    """Return what an event looks like, such as `a Kafka event`; never a value of it."""
    if isinstance(event, dict):
        return next((name for name, has in _MARKS if has(event)), "an object of unknown shape")
    if event is None:
        return "null"
    if isinstance(event, bool):
        return "true or false"
    if isinstance(event, str):
        return f"a text that is no JSON{_reason(event)}"
    return "a list" if isinstance(event, list) else "a number"


def _reason(text: str) -> str:
    """Return, in brackets, what the text was before it was taken for JSON, if that can be told."""
    if text.startswith("\ufeff"):
        return " (it begins with a byte order mark; send it without)"
    told = format_of_text(text)
    return f" ({told})" if told else ""


def _first(items: Json) -> dict[str, Json]:
    first = items[0] if isinstance(items, list) and items else None
    return first if isinstance(first, dict) else {}
