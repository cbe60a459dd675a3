"""Finds the records of jobs, rollouts and deliveries by a name, an id, a key, or its beginning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.audit.name_lookup import Candidate, find_matches
from handler.audit.record import Record

if TYPE_CHECKING:
    import sqlite_utils

_CANDIDATES = """
SELECT 'job' AS kind, key, name, job_id, delivery, rowid AS place FROM jobs
UNION ALL SELECT 'rollout', key, name, '', delivery, rowid FROM rollouts
UNION ALL SELECT 'delivery', key, subject, '', key, rowid FROM deliveries ORDER BY place DESC"""
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
    known: list[Candidate] = []
    delivery_of: dict[str, str] = {}
    for row in database.query(_CANDIDATES):
        delivery_of[row["key"]] = row["delivery"]
        _, slash, file = row["name"].rpartition("/")
        other = row["job_id"] if row["kind"] == "job" else slash and file
        known.append(Candidate(row["kind"], row["key"], tuple(filter(None, (row["name"], other)))))
    found = find_matches(what, known)
    keys = {
        "jobs": json.dumps([one.key for one in found if one.kind == "job"]),
        "deliveries": json.dumps([delivery_of[one.key] for one in found if one.kind != "job"]),
    }
    rows = database.query(_RECORDS, keys)
    return [Record(row["seq"], row["hash"], row["record"]) for row in rows]
