"""The state in SQL, the same statements for every database that keeps the log.

States are rows, kept in step with the records inside the transaction that appends them. A
database lends itself as a function that runs one statement, with `?` for its values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from handler.audit.confirmation import CONFIRMING, Confirmation, fold_confirmation
from handler.audit.log import Committed, Decision, Open, ScanState
from handler.audit.record import Head, Record, part, seal
from handler.audit.sql.rows import DELIVERY_COLUMNS, JOB_COLUMNS, delivery_row, job_of, job_row
from handler.audit.sql.value_list import ANY, rows_for
from handler.audit.state import DeliveryState, JobState, fold_delivery, fold_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.log import Decide, Switch
    from handler.audit.record import Draft, Fields


class Execute(Protocol):
    """Runs one statement and returns its rows; none for a statement without."""

    def __call__(self, sql: str, values: Sequence[object] = (), /) -> list[tuple[Any, ...]]:
        """Run it."""


_JOBS = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"  # noqa: S608 - our own column names
_DELIVERIES = f"SELECT {', '.join(DELIVERY_COLUMNS)} FROM deliveries"  # noqa: S608 - likewise

HEAD = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
LAST = "SELECT seq, hash, record FROM records ORDER BY seq DESC LIMIT 1"
FIRST = "SELECT seq, hash, record FROM records WHERE seq = 1"
APPEND = "INSERT INTO records (seq, hash, prev, record) VALUES (?, ?, ?, ?)"
RECORDS_AFTER = "SELECT seq, hash, record FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
TOLD = "SELECT record FROM records WHERE seq = ?"
JOB = f"{_JOBS} WHERE key = ?"
JOBS_BY_ID = f"{_JOBS} WHERE job_id <> '' AND job_id IN {ANY}"
JOBS_OF = f"{_JOBS} WHERE delivery = ? ORDER BY document, key"
JOBS_TODO = f"{_JOBS} WHERE todo = ? AND todo <> 'nothing' ORDER BY seq LIMIT ?"
DELIVERY = f"{_DELIVERIES} WHERE key = ?"
LATEST_READ = f"""{_DELIVERIES} WHERE subject = ? AND (etag <> '' OR state = 'rejected')
ORDER BY seq DESC LIMIT 1"""
_ALIVE = "SELECT delivery FROM jobs WHERE state NOT IN ('refused', 'expired', 'abandoned')"
LATEST_RUN = f"""{_DELIVERIES} WHERE subject = ? AND state = 'planned'
  AND EXISTS ({_ALIVE} AND delivery = deliveries.key)
ORDER BY seq DESC LIMIT 1"""
RECEIVED = f"{_DELIVERIES} WHERE state = 'received' ORDER BY seq LIMIT ?"
UNREPORTED = f"""{_DELIVERIES} WHERE trigger = 'object' AND changed > reported
  AND state IN ('planned', 'rejected') ORDER BY due_at, changed LIMIT ?"""
PUT_DELIVERY = """
INSERT INTO deliveries (key, trigger, subject, state, fired_at, digest, note, touched_at, seq,
    changed, reported, tries, due_at, result_error, etag, repeats, body_digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, digest = excluded.digest,
    note = excluded.note, touched_at = excluded.touched_at, seq = excluded.seq,
    changed = excluded.changed, reported = excluded.reported, tries = excluded.tries,
    due_at = excluded.due_at, result_error = excluded.result_error, etag = excluded.etag,
    repeats = excluded.repeats"""
PUT_JOB = """
INSERT INTO jobs (key, delivery, document, name, type, state, attempt, date, lease_until,
    valid_until, job_id, finished, tasks, succeeded, doubtful, status, note, planned_at,
    changed_at, seq, body_digest, todo, shown)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
    date = excluded.date, lease_until = excluded.lease_until, job_id = excluded.job_id,
    finished = excluded.finished, tasks = excluded.tasks, succeeded = excluded.succeeded,
    doubtful = excluded.doubtful, status = excluded.status, note = excluded.note,
    changed_at = excluded.changed_at, seq = excluded.seq, todo = excluded.todo,
    shown = excluded.shown"""
PUT_BODY = "INSERT INTO outbox (key, body) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
BODY = "SELECT body FROM outbox WHERE key = ?"
BODIES = "SELECT key, body FROM outbox"
BODIES_OF = f"{BODIES} WHERE key IN {ANY}"
DELETE_BODY = "DELETE FROM outbox WHERE key = ?"
SWITCH = "SELECT reason FROM switches WHERE name = ?"
PUT_SWITCH = """
INSERT INTO switches (name, reason) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET reason = excluded.reason"""
CLEAR_CONTRADICTIONS = "DELETE FROM switches WHERE substr(name, 1, ?) = ?"
DELETE_STRAYS = """
DELETE FROM outbox
WHERE key NOT IN (SELECT key FROM jobs) AND key NOT IN (SELECT key FROM deliveries)"""
CLEAR = tuple(f"DELETE FROM {one}" for one in ("outbox", "jobs", "deliveries", "switches"))  # noqa: S608 - our own names

_SWITCHES: dict[str, tuple[Switch, bool]] = {
    "sending.held": ("hold", True),
    "sending.released": ("hold", False),
    "settling.suspended": ("suspension", True),
    "settling.released": ("suspension", False),
}
_CONTRADICTED = "contradicted:"
"""What begins the names of the switches that keep which contradictions are on record."""

_SCANS = {
    "scan.paused": ("scan", "key"),
    "scan.completed": ("scan", "key"),
    "scan.limited": ("scan_limit", "time"),
}
"""What a record about a scan is kept as among the switches, and the field of its source."""

_CONFIRMATION = "checkpoint"
"""The name among the switches of what stands of the latest checkpoint."""


@dataclass(frozen=True)
class SqlView:
    """The state in a database's current transaction.

    Attributes:
        execute: Runs a statement in it.
        now: The store's clock.
        is_whole: Whether all records can be asked for in it.
    """

    execute: Execute
    now: datetime
    is_whole: bool = False

    @property
    def head(self) -> Head:
        """The end of the chain."""
        rows = self.execute(HEAD)
        return Head(*rows[0]) if rows else Head()

    @property
    def first(self) -> Record | None:
        """The first record, or None for an empty log."""
        rows = self.execute(FIRST)
        return Record(*rows[0]) if rows else None

    @property
    def confirmation(self) -> Confirmation:
        """What stands of the latest checkpoint."""
        text = self._noted(_CONFIRMATION)
        return Confirmation(**json.loads(text)) if text else Confirmation()

    def delivery(self, key: str) -> DeliveryState | None:
        """Return a delivery with its jobs, or None."""
        return self._with_jobs(self.execute(DELIVERY, (key,)))

    def job(self, key: str) -> JobState | None:
        """Return a job, or None."""
        return next(iter(self._jobs(JOB, key)), None)

    def jobs_by_id(self, job_ids: Sequence[str]) -> tuple[JobState, ...]:
        """Return the jobs that have one of these ids at the API."""
        return tuple(map(job_of, rows_for(self.execute, JOBS_BY_ID, job_ids)))

    def latest_run(self, subject: str) -> DeliveryState | None:
        """Return the subject's latest delivery that created or still plans a job."""
        return self._with_jobs(self.execute(LATEST_RUN, (subject,)))

    def latest_read(self, subject: str) -> DeliveryState | None:
        """Return the subject's latest delivery that was read or rejected, without its jobs."""
        rows = self.execute(LATEST_READ, (subject,))
        return DeliveryState(*rows[0]) if rows else None

    def scan(self, bucket: str) -> ScanState:
        """Return where the search for missed objects of a bucket stands."""
        return ScanState(self._noted(f"scan:{bucket}"), self._noted(f"scan_limit:{bucket}"))

    def open(self, limit: int) -> Open:
        """Return what is left to do, at most `limit` of each kind."""
        return Open(
            deliveries=tuple(DeliveryState(*row) for row in self.execute(RECEIVED, (limit,))),
            jobs=self._jobs(JOBS_TODO, "settle", limit) + self._jobs(JOBS_TODO, "send", limit),
            followed=self._jobs(JOBS_TODO, "follow", limit),
            unreported=tuple(DeliveryState(*row) for row in self.execute(UNREPORTED, (limit,))),
        )

    def is_told(self, job: JobState) -> bool:
        """Return whether a job's latest record says what its state says.

        Folded onto the state once more, it changes nothing; the plan's own record gives all of it.
        """
        if not self.is_whole:
            return True  # the state of a log in objects is nobody's but this instance's
        fields: Fields = json.loads(next(iter(self.execute(TOLD, (job.seq,))), ("{}",))[0])
        before = None if fields.get("action") == "job.planned" else job
        return part(fields, "job").get("key") == job.key and fold_job(before, fields) == job

    def switch(self, name: Switch) -> str:
        """Return why a switch is on, or "" if it is off."""
        return self._noted(name)

    def is_contradicted(self, note: str) -> bool:
        """Return whether a state was contradicted with this note since the last rebuild."""
        return bool(self._noted(f"{_CONTRADICTED}{note}"))

    def _noted(self, name: str) -> str:
        rows = self.execute(SWITCH, (name,))
        return str(rows[0][0]) if rows else ""

    def _jobs(self, sql: str, *values: object) -> tuple[JobState, ...]:
        return tuple(job_of(row) for row in self.execute(sql, values))

    def _with_jobs(self, rows: list[tuple[Any, ...]]) -> DeliveryState | None:
        if not rows:
            return None
        delivery = DeliveryState(*rows[0])
        return replace(delivery, jobs=self._jobs(JOBS_OF, delivery.key))


def decided(
    decisions: Sequence[Decide[Any]], view: SqlView, commit: str
) -> tuple[Committed[Any], ...]:
    """Run decisions in the current transaction, in order, and append what they ask for."""
    return tuple(_decided(decide, view, commit) for decide in decisions)


def _decided(decide: Decide[Any], view: SqlView, commit: str) -> Committed[Any]:
    decision: Decision[Any] = decide(view)
    records = tuple(append(draft, view, commit) for draft in decision.drafts)
    return Committed(decision.value, records)


def append(draft: Draft, view: SqlView, commit: str) -> Record:
    """Append one record in the current transaction, the state and the outbox with it."""
    record = seal(draft, view.head, at=view.now, commit=commit)
    recorded = record.fields
    view.execute(APPEND, (record.seq, record.hash, recorded["prev"], record.text))
    if draft.body is not None:
        view.execute(PUT_BODY, (draft.key, draft.body))
    project(view, recorded)
    return record


def project(view: SqlView, recorded: Fields) -> None:
    """Bring the state up to date with one more record."""
    action = str(recorded["action"])
    if action in _SWITCHES:
        name, on = _SWITCHES[action]
        view.execute(PUT_SWITCH, (name, str(recorded.get("note", "")) if on else ""))
    if action in _SCANS:
        (kept, told), source = _SCANS[action], part(recorded, "source")
        view.execute(PUT_SWITCH, (f"{kept}:{source['bucket']}", str(source.get(told, ""))))
    if action in CONFIRMING:
        _project_confirmation(view, recorded)
    if action == "state.contradicted":
        note = str(recorded.get("note", ""))
        view.execute(PUT_SWITCH, (f"{_CONTRADICTED}{note}", note))
    if action == "log.rebuilt":
        view.execute(CLEAR_CONTRADICTIONS, (len(_CONTRADICTED), _CONTRADICTED))
    if action.startswith("job."):
        _project_job(view, recorded)
    if "delivery" in recorded:
        _project_delivery(view, recorded)


def rebuild(view: SqlView, records: Sequence[Record] | Any) -> None:  # noqa: ANN401 - any iterable
    """Fold the state anew from the records; the outbox keeps what is still open."""
    bodies = view.execute(BODIES)
    for statement in CLEAR:
        view.execute(statement)
    for key, body in bodies:
        view.execute(PUT_BODY, (key, body))
    for record in records:
        project(view, record.fields)
    view.execute(DELETE_STRAYS)


def _project_confirmation(view: SqlView, recorded: Fields) -> None:
    before = view.confirmation
    after = fold_confirmation(before, recorded)
    if after != before:
        view.execute(PUT_SWITCH, (_CONFIRMATION, json.dumps(vars(after))))


def _project_delivery(view: SqlView, recorded: Fields) -> None:
    key = str(part(recorded, "delivery")["key"])
    rows = view.execute(DELIVERY, (key,))
    delivery = fold_delivery(DeliveryState(*rows[0]) if rows else None, recorded)
    if delivery is None:
        return
    view.execute(PUT_DELIVERY, delivery_row(delivery))
    if delivery.state != "received":
        view.execute(DELETE_BODY, (key,))


def _project_job(view: SqlView, recorded: Fields) -> None:
    key = str(part(recorded, "job")["key"])
    job = fold_job(view.job(key), recorded)
    if job is None:
        return
    view.execute(PUT_JOB, job_row(job))
    if job.final:
        view.execute(DELETE_BODY, (key,))
