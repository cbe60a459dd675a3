"""The projection in SQL: states as rows, kept in step with the records in one transaction."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING

from handler.audit.record import part
from handler.audit.state import (
    DELIVERY_ACTIONS,
    DeliveryState,
    JobState,
    fold_delivery,
    fold_job,
)

if TYPE_CHECKING:
    import sqlite3

    from handler.audit.record import Fields

_JOB_COLUMNS = tuple(field.name for field in fields(JobState))

SELECT_DELIVERY = (
    "SELECT key, trigger, subject, state, fired_at, digest, note, seq FROM deliveries WHERE key = ?"
)
SELECT_LATEST_RUN = """
SELECT key FROM deliveries AS run
WHERE subject = ? AND state = 'planned'
  AND EXISTS (SELECT 1 FROM jobs WHERE jobs.delivery = run.key
              AND jobs.state NOT IN ('refused', 'expired', 'abandoned'))
ORDER BY seq DESC LIMIT 1"""
_SELECT_JOB = f"SELECT {', '.join(_JOB_COLUMNS)} FROM jobs"  # noqa: S608 - our own column names
SELECT_JOB = f"{_SELECT_JOB} WHERE key = ?"
SELECT_JOBS_OF = f"{_SELECT_JOB} WHERE delivery = ? ORDER BY document, key"
SELECT_OPEN = f"{_SELECT_JOB} WHERE open = 1 ORDER BY changed_at LIMIT ?"
PUT_DELIVERY = """
INSERT INTO deliveries (key, trigger, subject, state, fired_at, digest, note, seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, digest = excluded.digest,
    note = excluded.note, seq = excluded.seq"""
PUT_JOB = """
INSERT INTO jobs (key, delivery, document, name, type, state, attempt, date, lease_until,
    valid_until, job_id, doubtful, status, note, planned_at, changed_at, seq, open)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
    date = excluded.date, lease_until = excluded.lease_until, job_id = excluded.job_id,
    doubtful = excluded.doubtful, status = excluded.status, note = excluded.note,
    changed_at = excluded.changed_at, seq = excluded.seq, open = excluded.open"""
PUT_BODY = "INSERT INTO outbox (job, body) VALUES (?, ?)"
SELECT_BODY = "SELECT body FROM outbox WHERE job = ?"
DELETE_BODY = "DELETE FROM outbox WHERE job = ?"
CLEAR = ("DELETE FROM outbox", "DELETE FROM jobs", "DELETE FROM deliveries")


def job_of(row: tuple[object, ...]) -> JobState:
    """Return the state that a row of `jobs` holds."""
    values = dict(zip(_JOB_COLUMNS, row, strict=True))
    values["doubtful"] = bool(values["doubtful"])
    return JobState(**values)  # type: ignore[arg-type] # STRICT columns hold these types


def find_job(db: sqlite3.Connection, key: str) -> JobState | None:
    """Return the job with this key, or None."""
    row = db.execute(SELECT_JOB, (key,)).fetchone()
    return job_of(row) if row else None


def find_delivery(db: sqlite3.Connection, key: str) -> DeliveryState | None:
    """Return the delivery with this key and all its jobs, or None."""
    row = db.execute(SELECT_DELIVERY, (key,)).fetchone()
    if row is None:
        return None
    jobs = tuple(job_of(job) for job in db.execute(SELECT_JOBS_OF, (key,)))
    return replace(DeliveryState(*row), jobs=jobs)


def project(db: sqlite3.Connection, record: Fields) -> None:
    """Bring the projection up to date with one more record."""
    action = str(record["action"])
    if action in DELIVERY_ACTIONS:
        key = str(part(record, "delivery")["key"])
        row = db.execute(SELECT_DELIVERY, (key,)).fetchone()
        delivery = fold_delivery(DeliveryState(*row) if row else None, record)
        db.execute(PUT_DELIVERY, astuple(delivery)[:-1])
    if action.startswith("job."):
        _project_job(db, record)


def _project_job(db: sqlite3.Connection, record: Fields) -> None:
    key = str(part(record, "job")["key"])
    job = fold_job(find_job(db, key), record)
    if job is None:
        return
    db.execute(PUT_JOB, (*astuple(job), not job.final))
    if job.final:
        db.execute(DELETE_BODY, (key,))
