"""Finds the records of jobs, rollouts and deliveries by a name, an id, a key, or its beginning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.audit.name_lookup import Candidate, find_matches
from handler.audit.record import Record
from handler.cli.audit.records.record_row import format_minute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlite_utils

_CANDIDATES = """
SELECT 'job' AS kind, key, name, job_id || ' ' || other_ids AS ids, delivery, shown AS state,
    planned_at AS at, rowid AS place
FROM jobs
UNION ALL SELECT 'rollout', key, name, '', delivery, state, planned_at, rowid FROM rollouts
UNION ALL SELECT 'delivery', key, subject, '', key, state, touched_at, rowid FROM deliveries
ORDER BY place DESC"""
_RECORDS = """
SELECT seq, hash, record FROM records
WHERE json_extract(record, '$.delivery.key') IN (
    SELECT value FROM json_each(:deliveries)
    UNION SELECT delivery FROM jobs WHERE key IN (SELECT value FROM json_each(:jobs)))
  AND (json_extract(record, '$.job.key') IS NULL
       OR json_extract(record, '$.delivery.key') IN (SELECT value FROM json_each(:deliveries))
       OR json_extract(record, '$.job.key') IN (SELECT value FROM json_each(:jobs)))
ORDER BY seq"""


def find_records(database: sqlite_utils.Database, what: str) -> list[Record]:
    """Return the records of the jobs or deliveries that a name means, in order.

    It is the name, id or key of a job, the subject, file or key of a delivery, the name or key of a
    rollout, or the beginning of one. A job's records include those of its delivery, but not those
    of the delivery's other jobs; a rollout's are those of its delivery. A beginning of several
    names of one delivery means the delivery.

    Raises:
        LookupError: Nothing has this name, or several have; the message lists candidates.
    """
    known: list[Candidate] = []
    delivery_of: dict[str, str] = {}
    for row in database.query(_CANDIDATES):
        delivery_of[row["key"]] = row["delivery"]
        _, slash, file = row["name"].rpartition("/")
        others = row["ids"].split() if row["kind"] == "job" else [slash and file]
        about = f"{row['state']}, {format_minute(row['at'])}"
        names = tuple(filter(None, (row["name"], *others)))
        known.append(Candidate(row["kind"], row["key"], names, about))
    delivery = _delivery_of_all(what, known, delivery_of)
    found = [] if delivery else find_matches(what, known)
    jobs = [one.key for one in found if one.kind == "job"]
    deliveries = [delivery_of[one.key] for one in found if one.kind != "job"]
    keys = {
        "jobs": json.dumps(jobs),
        "deliveries": json.dumps([delivery] if delivery else deliveries),
    }
    rows = database.query(_RECORDS, keys)
    return [Record(row["seq"], row["hash"], row["record"]) for row in rows]


def _delivery_of_all(what: str, known: Sequence[Candidate], delivery_of: Mapping[str, str]) -> str:
    """Return the delivery of everything that a text is the beginning of; "" if there are others."""
    begun = [one for one in known if what and one.begins(what)]
    if len(begun) < 2 or any(one.is_called(what) for one in begun):  # noqa: PLR2004 - several
        return ""
    first, *others = {delivery_of[one.key] for one in begun}
    return "" if others else first
