"""What an event is called on the screen, and which object it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import EventRejectedError
from handler.triggers.delivery import Action
from handler.triggers.event_parser import parse_event
from handler.values.display import display

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

PREFIX = "drop/"
"""What the keys of files from the drop folder begin with."""


def object_key(event: Json) -> str:
    """Return the key of the object that an event tells of, or "" if it tells of none."""
    try:
        fired = parse_event(event, eventgrid_keys="encoded")
    except EventRejectedError:
        return ""
    if isinstance(fired, Action) or not fired or fired[0].source.get("shape") == "timer":
        return ""
    return str(fired[0].source.get("key", ""))


def name_of(event: Json) -> str:
    """Return a short name: the timer's, the file's path in the drop folder, or that it is one."""
    if isinstance(event, dict) and "trigger_name" in event:
        return f"timer {display(str(event['trigger_name']))}"
    key = object_key(event)
    return f"file {display(key.removeprefix(PREFIX))}" if key else "event"
