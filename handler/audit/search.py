"""Finds deliveries by a name, an id, a key, or the beginning of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.audit.sql.view import SqlView
    from handler.audit.state import DeliveryState

MOST_FOUND = 50
"""How many deliveries are found at most, of each kind of match."""

_PARTED = re.compile("[:/]")
_SPECIAL = re.compile(r"[!%_]")
_BEGINS = "substr({}, 1, ?) = ?"

MEANT = f"""
SELECT key FROM deliveries
WHERE key = ? OR subject = ?
    OR key IN (SELECT delivery FROM jobs WHERE key = ? OR name = ? OR job_id = ?)
ORDER BY changed DESC LIMIT {MOST_FOUND}"""  # noqa: S608 - a number of our own
_BY_BEGINNING = f"""
SELECT key FROM deliveries
WHERE {_BEGINS.format("key")} OR subject LIKE ? ESCAPE '!' OR subject LIKE ? ESCAPE '!'
    OR key IN (SELECT delivery FROM jobs WHERE {_BEGINS.format("key")}
        OR {_BEGINS.format("name")} OR {_BEGINS.format("job_id")}
        OR (other_ids <> '' AND ' ' || other_ids LIKE ? ESCAPE '!'))
ORDER BY changed DESC LIMIT {MOST_FOUND}"""  # noqa: S608 - our own column names


def find_deliveries(view: SqlView, what: str) -> tuple[DeliveryState, ...]:
    """Return the matching deliveries, exact matches first, then the latest.

    Args:
        view: The state.
        what: The name, id or key of a job, the key, subject or file of a delivery, or the
            beginning of one.
    """
    if not what:
        return ()
    escaped = _SPECIAL.sub(r"!\g<0>", what)
    begin, file = (len(what), what), f"%/{escaped}%"
    # The first part of a subject counts only as a whole: a letter would find every timer.
    subject = f"{escaped}%" if _PARTED.search(what) else f"{escaped}:%"
    exact = view.execute(MEANT, (what,) * 5)
    copy = f"% {escaped}%"  # each of the other ids has a blank before it
    begins = view.execute(_BY_BEGINNING, (*begin, subject, file, *begin * 3, copy))
    found = (view.delivery(key) for key in dict.fromkeys(key for (key,) in (*exact, *begins)))
    return tuple(delivery for delivery in found if delivery)
