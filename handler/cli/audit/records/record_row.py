"""A record as one row of a table, as the view `trail` of the log has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.cli.audit.records.time_text import format_time
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.record import Record


def trail_row(record: Record) -> dict[str, Any]:
    """Return the row that the view `trail` has for a record."""
    fields = record.fields
    delivery, job, actor = (part(fields, name) for name in ("delivery", "job", "actor"))
    response, key = part(fields, "response"), delivery.get("key")
    return {
        "seq": record.seq,
        "at": fields["at"],
        "action": fields["action"],
        "outcome": fields["outcome"],
        "delivery": shown(str(key)) if key else None,
        "job_name": job.get("name"),
        "job_id": response.get("job_id"),
        "status": response.get("status"),
        "actor_kind": actor.get("kind"),
        "actor": actor.get("name", actor.get("account")),
        "subject": delivery.get("subject"),
        "note": fields.get("note"),
        "request_id": part(fields, "function").get("request_id"),
        "hash": record.hash,
    }


def row_cells(row: dict[str, Any], columns: Sequence[str]) -> list[object]:
    """Return the cells of a row for a table, with times to the second."""
    values = {**row, "at": format_time(row["at"])}
    return [values[column] for column in columns]
