"""The floor of whoever validates with models and leaves Nightdrop's trail.

It does what the floor does, validates the job with pydantic models, and writes into Nightdrop's
tables: four chained records and the rows of the delivery and the job, in the same two commits. It
decides nothing: no policy, no lease, no state that is read back, no second try.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

from floor import send
from pydantic import BaseModel

_SCHEMA = Path(__file__).parents[4] / "handler" / "audit" / "sql" / "sqlite.sql"
_DELIVERY = ("key", "trigger", "subject", "state", "fired_at", "digest", "touched_at", "seq")
_JOB = ("key", "delivery", "name", "type", "state", "date", "lease_until", "planned_at", "seq")
_NUMBERS = frozenset({"changed", "reported", "tries", "alarmed", "noticed", "notice_tries"}) | {
    *(
        "asked",
        "rollouts",
        "rollouts_open",
        "first_seq",
        "last_seq",
        "document",
        "attempt",
        "tasks",
    ),
    *("succeeded", "doubtful", "status", "paused", "ended_at", "finished_seq", "wave"),
}
_thread = local()


class Target(BaseModel):
    """What the job works on."""

    target_id: str


class Content(BaseModel):
    """What the job does, and to what."""

    target_type: str
    targets: list[Target]
    task_data: str


class Tag(BaseModel):
    """A label of the job."""

    key: str
    value: str


class Job(BaseModel):
    """A batch job in the API's own form."""

    job_name: str
    job_type: str
    job_content: Content
    tags: list[Tag]


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Create the job of one timer event and return the API's answer."""
    body = event["user_event"]
    job = Job.model_validate_json(body)
    key, now = _key(event["time"] + body), datetime.now(timezone.utc).isoformat()
    about = {"document": 1, "key": key, "name": job.job_name, "type": job.job_type}
    database = _database()
    database.execute("BEGIN IMMEDIATE")
    _append(database, "delivery.planned", {"delivery": {"key": key, "at": event["time"]}})
    _append(database, "job.planned", {"job": about})
    seq = _append(database, "job.sending", {"job": about, "request": {"date": now}})
    delivery = (key, "timer", f"timer:{key}", "planned", event["time"], key, now, seq)
    _insert("deliveries", _DELIVERY, delivery)
    planned = (key, key, job.job_name, job.job_type, "sending", now, now, now, seq)
    _insert("jobs", _JOB, planned)
    database.execute("INSERT INTO outbox (key, body) VALUES (?, ?)", (key, body))
    database.execute("COMMIT")
    created = send(body)
    database.execute("BEGIN IMMEDIATE")
    seq = _append(database, "job.created", {"job": about, "response": created})
    database.execute("DELETE FROM outbox WHERE key = ?", (key,))
    database.execute(
        "UPDATE deliveries SET changed = ?, last_seq = ? WHERE key = ?", (seq, seq, key)
    )
    database.execute(
        "UPDATE jobs SET state = 'created', job_id = ?, seq = ?, todo = 'follow' WHERE key = ?",
        (created["job_id"], seq, key),
    )
    database.execute("COMMIT")
    return created


def _database() -> sqlite3.Connection:
    if not hasattr(_thread, "database"):
        database = sqlite3.connect(os.environ["AUDIT_DB"], isolation_level=None, timeout=30)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
            database.executescript(_SCHEMA.read_text(encoding="utf-8"))
        _thread.database = database
    return _thread.database  # type: ignore[no-any-return]


def _append(database: sqlite3.Connection, action: str, more: dict[str, Any]) -> int:
    last = database.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last[0] + 1, last[1]) if last else (1, "0" * 64)
    fields = {"action": action, "seq": seq, "prev": previous, "outcome": "success", **more}
    record = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(record.encode()).hexdigest()
    database.execute(
        "INSERT INTO records (seq, hash, prev, record) VALUES (?, ?, ?, ?)",
        (seq, digest, previous, record),
    )
    return int(seq)


def _insert(table: str, columns: tuple[str, ...], values: tuple[object, ...]) -> None:
    """Insert a row; the columns that are not given are 0 or ""."""
    names, statement = _statement(table)
    given = dict(zip(columns, values, strict=True))
    row = [given.get(name, 0 if name in _NUMBERS else "") for name in names]
    _database().execute(statement, row)


@cache
def _statement(table: str) -> tuple[tuple[str, ...], str]:
    info = _database().execute(f"PRAGMA table_info({table})")
    names = tuple(row[1] for row in info)
    marks = ", ".join("?" for _ in names)
    return names, f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - as named here


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:52]
