"""A record as one row of a table, as the view `trail` has it; times and spans as short text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.parsing.document import AND_MORE
from handler.values.canonical_json import short_key
from handler.values.display import display

if TYPE_CHECKING:
    from handler.audit.record import Record

_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
_SHORT_SPAN = 10


def format_span(seconds: float) -> str:
    """Return a time span in at most two units: `0.4 s`, `12 s`, `35 min`, `7 h 2 min`."""
    rounded = round(seconds)
    for large, large_name, small, small_name in _UNITS:
        if rounded >= large:
            rest = rounded % large // small
            return f"{rounded // large} {large_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{rounded} s" if rounded >= _SHORT_SPAN else f"{seconds:.1f} s"


def format_time(timestamp: object) -> str:
    """Return a timestamp of a record to the second: `2026-11-25 12:00:00`."""
    return display(str(timestamp)[:19]).replace("T", " ")


def format_minute(timestamp: object) -> str:
    """Return a timestamp of a record to the minute: `2026-11-25 12:00`."""
    return format_time(timestamp)[:16]


def first_line(note: str, where: str = "") -> str:
    """Return the first line of a note, with how many more there are, and where they are shown."""
    first, *more = note.splitlines() or [""]
    least = "at least " if more and more[-1].startswith(AND_MORE) else ""
    return f"{first} (and {least}{len(more)} more{where})" if more else first


def trail_row(record: Record) -> dict[str, Any]:
    """Return the row that the view `trail` has for a record."""
    fields = record.fields
    delivery, job, rollout, actor = (
        part(fields, name) for name in ("delivery", "job", "rollout", "actor")
    )
    response, key = part(fields, "response"), delivery.get("key")
    return {
        "seq": record.seq,
        "at": fields["at"],
        "action": fields["action"],
        "outcome": fields["outcome"],
        "delivery": short_key(str(key)) if key else None,
        "job_name": job.get("name"),
        "rollout": short_key(str(rollout["key"])) if "key" in rollout else None,
        "job_id": response.get("job_id"),
        "status": response.get("status"),
        "actor_kind": actor.get("kind"),
        "actor": actor.get("name", actor.get("account")),
        "subject": delivery.get("subject"),
        "note": fields.get("note"),
        "request_id": part(fields, "function").get("request_id"),
        "hash": record.hash,
    }
