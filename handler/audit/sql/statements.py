"""The SQL statements of the audit log, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from handler.audit.job_end import WRONG
from handler.audit.job_state import FINAL
from handler.audit.sql.rows import DELIVERY_COLUMNS, JOB_COLUMNS, JOB_ROW
from handler.audit.sql.value_list import ANY
from handler.audit.state import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Sequence

# Every name that is put into a statement is one of the schema's own.
# ruff: noqa: S608


def upsert(table: str, columns: Sequence[str], fixed: Sequence[str]) -> str:
    """Return the statement that puts a row; the first column is its key."""
    changed = (f"{name} = excluded.{name}" for name in columns if name not in fixed)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({columns[0]}) DO UPDATE SET {', '.join(changed)}"
    )


@cache
def update(table: str, columns: tuple[str, ...]) -> str:
    """Return the statement that changes some columns of a row; its last value is the row's key.

    An index of other columns is not touched.
    """
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE key = ?"


HEAD = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
FIRST = "SELECT seq, hash, record FROM records WHERE seq = 1"
APPEND = "INSERT INTO records (seq, hash, prev, record) VALUES (?, ?, ?, ?)"
RECORDS_AFTER = "SELECT seq, hash, record FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
RECORD_TEXT = "SELECT record FROM records WHERE seq = ?"

ALL_JOBS = f"SELECT {', '.join(JOB_ROW)} FROM jobs ORDER BY key"
_JOBS = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"
JOB = f"{_JOBS} WHERE key = ?"
JOBS_BY_ID = f"{_JOBS} WHERE job_id <> '' AND job_id IN {ANY}"
JOBS_OF = f"{_JOBS} WHERE delivery = ? ORDER BY document, key"
# Paused jobs come last: however many there are, those that run are asked for.
JOBS_TODO = f"{_JOBS} WHERE todo = ? AND todo <> 'nothing' ORDER BY paused, seq LIMIT ?"
LATEST_JOBS = f"{_JOBS} ORDER BY planned_at DESC, document DESC, key LIMIT ?"
FLEET_ENDS = """SELECT COUNT(*), COUNT(CASE WHEN shown <> 'succeeded' THEN 1 END) FROM jobs
WHERE finished <> '' AND finished_at > ? AND finished_seq > ?
  AND shown IN ('succeeded', 'partly failed', 'failed', 'end unknown')
  AND state IN ('created', 'adopted') AND rollout = ''"""
PUT_JOB = upsert(
    "jobs",
    JOB_ROW,
    (
        *("key", "delivery", "document", "name", "type", "valid_until", "planned_at"),
        *("body_digest", "rollout", "wave"),
    ),
)

_DELIVERIES = f"SELECT {', '.join(DELIVERY_COLUMNS)} FROM deliveries"
ALL_DELIVERIES = f"{_DELIVERIES} ORDER BY key"
DELIVERY = f"{_DELIVERIES} WHERE key = ?"
SPANS = f"SELECT first_seq, last_seq FROM deliveries WHERE key IN {ANY}"
LATEST_READ = f"""{_DELIVERIES} WHERE subject = ? AND (etag <> '' OR state = 'rejected')
ORDER BY seq DESC LIMIT 1"""
LATEST_RUN = f"""{_DELIVERIES}
WHERE subject = ? AND state = 'planned' AND (rollouts_open > 0 OR EXISTS (
    SELECT 1 FROM jobs
    WHERE delivery = deliveries.key AND state NOT IN ('refused', 'expired', 'abandoned')))
ORDER BY seq DESC LIMIT 1"""
PLANNED_SINCE = """SELECT touched_at, asked FROM deliveries
WHERE rule = ? AND state = 'planned' AND touched_at > ? AND asked > 0
  AND rule <> 'built-in:1' -- it limits no jobs, and the index leaves it out
ORDER BY touched_at DESC LIMIT ?"""
DELIVERIES_SINCE = """
SELECT state, COUNT(*) FROM deliveries WHERE touched_at > ? GROUP BY state ORDER BY state"""
JOBS_SINCE = """SELECT shown, COUNT(*) FROM jobs
WHERE changed_at > ? AND rollout = '' GROUP BY shown ORDER BY shown"""
WRONG_SINCE = f"""{_JOBS} WHERE changed_at > ? AND rollout = ''
  AND shown IN ({", ".join(f"'{word}'" for word in sorted(WRONG))}) ORDER BY seq DESC LIMIT ?"""
HAS_OPEN_ROLLOUTS = """SELECT 1 WHERE EXISTS (
    SELECT 1 FROM rollouts WHERE state NOT IN ('finished', 'stopped'))
  OR EXISTS (SELECT 1 FROM jobs WHERE todo = 'follow' AND paused = 1 AND rollout <> '')"""
# Few deliveries are received and not planned; those of one subject may be hundred thousands.
APPROVED = """SELECT 1 FROM deliveries
WHERE subject || '' = ? AND state = 'received' AND approved = ? LIMIT 1"""
RECEIVED = f"{_DELIVERIES} WHERE state = 'received' ORDER BY seq LIMIT ?"
UNDECIDED_OF = f"{_DELIVERIES} WHERE state IN ('received', 'awaiting') AND subject IN {ANY}"
AWAITING = f"{_DELIVERIES} WHERE state = 'awaiting' ORDER BY seq LIMIT ?"
AWAITING_DIGEST = f"{_DELIVERIES} WHERE state = 'awaiting' AND digest = ? ORDER BY seq LIMIT ?"
UNREPORTED = f"""{_DELIVERIES} WHERE trigger = 'object' AND changed > reported
  AND (state IN ('planned', 'rejected', 'awaiting')
    OR (state IN ('repeated', 'ignored') AND (reported > 0 OR tries > 0)))
  AND subject >= ? AND subject < ?
ORDER BY due_at, changed LIMIT ?"""
UNNOTICED = f"""{_DELIVERIES} WHERE (alarmed > noticed OR notice_due <> '') AND notice_due <= ?
ORDER BY notice_due, alarmed LIMIT ?"""
PUT_DELIVERY = upsert(
    "deliveries",
    DELIVERY_COLUMNS,
    ("key", "trigger", "subject", "fired_at", "body_digest", "first_seq"),
)

_CLOSED_BEFORE = """
touched_at < ? AND state NOT IN ('received', 'awaiting') AND rollouts_open = 0 AND NOT EXISTS (
    SELECT 1 FROM jobs
    WHERE delivery = deliveries.key AND (todo <> 'nothing' OR changed_at >= ?))
AND NOT EXISTS (SELECT 1 FROM rollouts WHERE delivery = deliveries.key AND changed_at >= ?)
AND NOT EXISTS (
    SELECT 1 FROM deliveries AS later
    WHERE later.repeats = deliveries.key AND later.repeats <> '' AND later.state <> 'repeated')"""
HAS_CLOSED_BEFORE = f"SELECT 1 FROM deliveries WHERE {_CLOSED_BEFORE} LIMIT 1"
_CLOSED = f"SELECT key FROM deliveries WHERE {_CLOSED_BEFORE}"
_ROLLOUTS_CLOSED = f"SELECT key FROM rollouts WHERE delivery IN ({_CLOSED})"
FORGET = (
    f"DELETE FROM outbox WHERE key IN ({_ROLLOUTS_CLOSED})",
    f"DELETE FROM rollout_nodes WHERE rollout IN ({_ROLLOUTS_CLOSED})",
    f"DELETE FROM rollouts WHERE delivery IN ({_CLOSED})",
    f"DELETE FROM jobs WHERE delivery IN ({_CLOSED})",
    f"DELETE FROM deliveries WHERE {_CLOSED_BEFORE}",
)

LATEST_IN_STATE = """
SELECT max(seq) FROM (
    SELECT max(last_seq) AS seq FROM deliveries UNION ALL SELECT max(seq) FROM jobs) AS latest"""

PUT_BODY = "INSERT INTO outbox (key, body) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
BODIES = "SELECT key, body FROM outbox"
BODIES_OF = f"{BODIES} WHERE key IN {ANY}"
DELETE_BODY = "DELETE FROM outbox WHERE key = ?"
_FINAL = ", ".join(f"'{word}'" for word in sorted(FINAL))
_UNDECIDED = ", ".join(f"'{word}'" for word in sorted(UNDECIDED))
DELETE_SETTLED_BODIES = (
    """
DELETE FROM outbox
WHERE key NOT IN (SELECT key FROM jobs) AND key NOT IN (SELECT key FROM deliveries)
  AND key NOT IN (SELECT key FROM rollouts)""",
    f"DELETE FROM outbox WHERE key IN (SELECT key FROM jobs WHERE state IN ({_FINAL}))",
    f"""
DELETE FROM outbox
WHERE key IN (SELECT key FROM deliveries WHERE state NOT IN ({_UNDECIDED}))""",
    """
DELETE FROM outbox
WHERE key IN (SELECT key FROM rollouts WHERE state = 'stopped' OR (
    state = 'finished' AND NOT EXISTS (
        SELECT 1 FROM rollout_nodes AS nodes
        WHERE nodes.rollout = rollouts.key AND nodes.state = 'failed')))""",
)
"""Statements that leave the bodies that are still needed, after all were put back."""

ALL_SWITCHES = "SELECT name, reason FROM switches ORDER BY name"
SWITCH = "SELECT reason FROM switches WHERE name = ?"
PUT_SWITCH = upsert("switches", ("name", "reason"), ("name",))
DELETE_SWITCHES = "DELETE FROM switches WHERE substr(name, 1, ?) = ?"

CLEAR = tuple(
    f"DELETE FROM {one}"
    for one in ("outbox", "rollout_nodes", "rollouts", "jobs", "deliveries", "switches")
)
