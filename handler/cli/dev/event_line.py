"""One event of a local run as a line of text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.cli.dev.emulator_process import PREFIX
from handler.cli.rollouts.rollout_row import rollout_line
from handler.errors import EventRejectedError
from handler.local.async_invocation.async_request import (
    Accepted,
    Failed,
    GivenUp,
    Retrying,
    Returned,
)
from handler.triggers.delivery import Action
from handler.triggers.event_parser import parse_event
from handler.values.display import display

if TYPE_CHECKING:
    from datetime import datetime

    from handler.local.async_invocation.async_request import ProgressEvent
    from handler.values.canonical_json import Json

_MOST_JOB_NAMES = 2  # that fit into a line
_MOST_ERRORS = 20
_MOST_ROLLOUTS = 10
_LONGEST_NOTE = 500


@dataclass(frozen=True)
class EventLine:
    """One line: `outcome` is one word, `further_notes` are shown where there is room.

    A sentence is about the run itself and has only a note.
    """

    at: datetime
    subject: str
    outcome: str
    note: str = ""
    further_notes: tuple[str, ...] = ()
    is_sentence: bool = False

    def __str__(self) -> str:
        """Return it as text, with each further note on an indented line."""
        columns = "" if self.is_sentence else f"{self.subject:<22} {self.outcome:<10} "
        line = f"{self.at:%H:%M:%S}  {columns}{self.note}".rstrip()
        return "\n".join([line, *(f"          {text}" for text in self.further_notes)])


def format_event(event: ProgressEvent) -> EventLine | None:
    """Return the line for an event; None for one that users do not wait for."""
    subject = _subject(json.loads(event.request.payload))
    if event.request.copy > 1:
        subject += f" (copy {event.request.copy})"
    match event:
        case Returned():
            return _format_reply(event, subject)
        case Accepted():
            outcome, note = "arrived", _format_request(event)
        case Failed():
            outcome, note = "failed", display(event.outcome.error, longest=_LONGEST_NOTE)
        case Retrying():
            outcome, note = "retry", f"attempt {event.request.attempt} at {event.due:%H:%M:%S}"
        case GivenUp():
            outcome, note = "given up", event.write_error or f"notice in {event.notice}"
        case _:
            return None
    return EventLine(event.at, subject, outcome, note)


def object_key(event: Json) -> str:
    """Return the key of the object that an event is about, "" if it is about none."""
    try:
        parsed = parse_event(event, eventgrid_keys="encoded")
    except EventRejectedError:
        return ""
    if isinstance(parsed, Action) or not parsed or parsed[0].source.get("shape") == "timer":
        return ""
    return str(parsed[0].source.get("key", ""))


def _subject(event: Json) -> str:
    if isinstance(event, dict) and "trigger_name" in event:
        return f"timer {display(str(event['trigger_name']))}"
    key = object_key(event)
    if key:
        return f"file {display(key.removeprefix(PREFIX))}"
    return (
        display(str(event["action"])) if isinstance(event, dict) and "action" in event else "event"
    )


def _format_request(event: Accepted) -> str:
    delay = event.request.late
    delayed = f", delivered {delay:.0f} s late (--chaos)" if delay else ""
    duplicate = ", a second delivery (--chaos)" if event.request.copy > 1 else ""
    return f"request {event.request.request_id[:8]}{duplicate}{delayed}"


def replied_rollouts(event: ProgressEvent) -> list[dict[str, Any]]:
    """Return how rollouts stand, if the event is a reply that says it."""
    try:
        reply = json.loads(event.outcome.payload) if isinstance(event, Returned) else {}
        return [one for one in reply.get("rollouts", []) if rollout_line(one)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _format_reply(event: Returned, subject: str) -> EventLine:
    try:
        reply = json.loads(event.outcome.payload)
        outcome, jobs = str(reply["outcome"]), [str(job["job_name"]) for job in reply["jobs"]]
        errors = [display(str(error), longest=_LONGEST_NOTE) for error in reply["errors"]]
    except (ValueError, KeyError, TypeError):
        return EventLine(event.at, subject, "answered", display(event.outcome.payload[:80]))
    names = " ".join(jobs) if len(jobs) <= _MOST_JOB_NAMES else f"{len(jobs)} jobs"
    first_error = f"{len(errors)} errors: {errors[0]}" if len(errors) > 1 else "".join(errors)
    rollouts = [display(rollout_line(one)) for one in replied_rollouts(event)]
    note = "; ".join(filter(None, [names, *rollouts[:1], first_error]))
    further = (*rollouts[1:_MOST_ROLLOUTS], *errors[1:_MOST_ERRORS])
    return EventLine(event.at, subject, display(outcome), note, further)
