"""Finds the records of jobs, rollouts and deliveries by a name, an id, a key, or its beginning."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from handler.audit.name_lookup import Candidate, find_matches, find_one
from handler.audit.record import Record

if TYPE_CHECKING:
    import sqlite_utils

_CANDIDATES = """
SELECT 'job' AS kind, key, name, job_id, rowid AS place FROM jobs
UNION ALL SELECT 'delivery', key, subject, '', rowid FROM deliveries ORDER BY place DESC"""
_ROLLOUTS = "SELECT key, name, delivery FROM rollouts ORDER BY rowid DESC"
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
    of the delivery's other jobs; a rollout's are those of its delivery.

    Raises:
        LookupError: Nothing has this name, or several have; the message lists candidates.
    """
    known = []
    for row in database.query(_CANDIDATES):
        _, slash, file = row["name"].rpartition("/")
        other = row["job_id"] if row["kind"] == "job" else slash and file
        known.append(Candidate(row["kind"], row["key"], tuple(filter(None, (row["name"], other)))))
    try:
        found = find_matches(what, known)
    except LookupError:
        found = _delivery_of_rollout(database, what)
        if not found:
            raise
    keys = {
        "jobs": json.dumps([one.key for one in found if one.kind == "job"]),
        "deliveries": json.dumps([one.key for one in found if one.kind == "delivery"]),
    }
    rows = database.query(_RECORDS, keys)
    return [Record(row["seq"], row["hash"], row["record"]) for row in rows]


def _delivery_of_rollout(database: sqlite_utils.Database, what: str) -> list[Candidate]:
    rows = {row["key"]: row for row in database.query(_ROLLOUTS)}
    rollouts = [Candidate("rollout", key, (row["name"],)) for key, row in rows.items()]
    with suppress(LookupError):
        return [Candidate("delivery", rows[find_one(what, rollouts).key]["delivery"])]
    return []
