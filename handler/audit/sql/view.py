"""The state that a decision sees, in rows of SQL tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from handler.audit.confirmation import Confirmation
from handler.audit.job_state import fold_job
from handler.audit.log import Changes, FleetEnds, Notices, Open, ScanState
from handler.audit.record import Record, part
from handler.audit.sql import statements
from handler.audit.sql.rows import job_from_row
from handler.audit.sql.state_rows import StateRows
from handler.audit.sql.switches import (
    CONFIRMATION,
    CONTRADICTED,
    CUT_OFF,
    EXAMINED,
    FORGOTTEN_UNTIL,
    NOTICES,
    RELEASED,
)
from handler.audit.sql.value_list import rows_for
from handler.audit.state import DeliveryState
from handler.values.canonical_json import timestamp
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.log import Switch
    from handler.audit.record import Fields, Head
    from handler.audit.rollouts.projection import SqlRollouts
    from handler.audit.rollouts.state import RolloutState


class Execute(Protocol):
    """Runs one statement, with `?` for its values, and returns its rows, if it has any."""

    def __call__(self, sql: str, values: Sequence[object] = (), /) -> list[tuple[Any, ...]]:
        """Run one statement."""


_MOST_AWAITING = 100_000


class SqlView:
    """The state in the current transaction of a database.

    Attributes:
        execute: Runs a statement in it.
        now: The store's clock.
        has_all_records: Whether the database holds all records, or only the first and the last.
        rows: The jobs and deliveries that the transaction has read or changed.
    """

    def __init__(self, execute: Execute, now: datetime, *, has_all_records: bool = False) -> None:
        self.execute, self.now, self.has_all_records = execute, now, has_all_records
        self.rows = StateRows(execute)

    @property
    def head(self) -> Head:
        """The end of the chain."""
        return self.rows.head

    @property
    def first(self) -> Record | None:
        """The first record, or None for an empty log."""
        rows = self.execute(statements.FIRST)
        return Record(*rows[0]) if rows else None

    @property
    def confirmation(self) -> Confirmation:
        """What the log says of the latest checkpoint."""
        text = self._value(CONFIRMATION)
        return Confirmation(**json.loads(text)) if text else Confirmation()

    def delivery(self, key: str) -> DeliveryState | None:
        """Return a delivery with its jobs, or None."""
        delivery = self.rows.delivery(key)
        return delivery and delivery._replace(jobs=self.rows.jobs_of(key))

    def job(self, key: str) -> JobState | None:
        """Return a job, or None."""
        return self.rows.job(key)

    def jobs_by_id(self, job_ids: Sequence[str]) -> tuple[JobState, ...]:
        """Return the jobs that have one of these ids at the API."""
        return tuple(map(job_from_row, rows_for(self._query, statements.JOBS_BY_ID, job_ids)))

    def latest_run(self, subject: str) -> DeliveryState | None:
        """Return a subject's latest delivery, without its jobs, that created or still plans one."""
        return next(iter(self._deliveries(statements.LATEST_RUN, subject)), None)

    def planned_since(self, rule: str, since: str, most: int) -> tuple[tuple[str, int], ...]:
        """Return when deliveries were planned under a rule, and for how many jobs each."""
        return tuple(self._query(statements.PLANNED_SINCE, (rule, since, most)))

    def fleet_ends(self, since: str) -> FleetEnds:
        """Return how jobs ended on the fleet after a timestamp and after the latest release."""
        released = int(self._value(RELEASED) or 0)
        return FleetEnds(*self._query(statements.FLEET_ENDS, (since, released))[0])

    def latest_read(self, subject: str) -> DeliveryState | None:
        """Return the subject's latest delivery that was read or rejected, without its jobs."""
        return next(iter(self._deliveries(statements.LATEST_READ, subject)), None)

    def undecided(self, subjects: Sequence[str]) -> tuple[DeliveryState, ...]:
        """Return the deliveries of these subjects that were received or await approval."""
        rows = rows_for(self._query, statements.UNDECIDED_OF, subjects)
        return tuple(DeliveryState(*row) for row in rows)

    def scan(self, bucket: str) -> ScanState:
        """Return the state of the scan of a bucket."""
        return ScanState(self._value(f"scan:{bucket}"), self._value(f"scan_limit:{bucket}"))

    def open(self, limit: int, buckets: Sequence[str] | None = None) -> Open:
        """Return the work that is left, at most `limit` of each kind."""
        return Open(
            deliveries=self._deliveries(statements.RECEIVED, limit),
            jobs=self._todo("settle", limit) + self._todo("send", limit),
            followed=self._todo("follow", limit),
            unreported=self._unreported(limit, buckets),
            awaiting=self._deliveries(statements.AWAITING, limit),
            operations=self._todo("operate", limit),
            rollouts=self._open_rollouts(limit),
        )

    def _unreported(self, limit: int, buckets: Sequence[str] | None) -> tuple[DeliveryState, ...]:
        spans = [(f"{OBS}{one}/", f"{OBS}{one}0") for one in buckets or ()]  # 0 follows /
        found = (
            run
            for span in ([("", "~")] if buckets is None else spans)
            for run in self._deliveries(statements.UNREPORTED, *span, limit)
        )
        return tuple(sorted(found, key=lambda run: (run.due_at, run.changed))[:limit])

    def is_approved(self, subject: str, digest: str) -> bool:
        """Return whether a delivery of these bytes was approved and is to be planned yet."""
        return bool(self._query(statements.APPROVED, (subject, digest)))

    def awaiting(self, digest: str = "") -> tuple[DeliveryState, ...]:
        """Return at most 100,000 deliveries that await approval, of any spec or one of a digest."""
        if digest:
            return self._deliveries(statements.AWAITING_DIGEST, digest, _MOST_AWAITING)
        return self._deliveries(statements.AWAITING, _MOST_AWAITING)

    @property
    def rollouts(self) -> SqlRollouts:
        """The rollouts."""
        from handler.audit.rollouts.projection import SqlRollouts

        return SqlRollouts(self._query)

    def unnoticed(self, limit: int) -> tuple[DeliveryState, ...]:
        """Return deliveries that a notice may be claimed for now, or whose claim has run out."""
        return self._deliveries(statements.UNNOTICED, timestamp(self.now), limit)

    @property
    def notices(self) -> Notices:
        """The latest notices."""
        text = self._value(NOTICES)
        values = json.loads(text) if text else {}
        return Notices(**{**values, "dates": tuple(values.get("dates", ()))})

    def changes_since(self, since: str, limit: int) -> Changes:
        """Return what changed after a timestamp, with at most `limit` jobs that went wrong."""
        wrong = self._query(statements.WRONG_SINCE, (since, limit))
        asked = (statements.DELIVERIES_SINCE, statements.JOBS_SINCE)
        deliveries, jobs = (dict(self._query(one, (since,))) for one in asked)
        return Changes(deliveries, jobs, tuple(map(job_from_row, wrong)))

    def find(self, what: str) -> tuple[DeliveryState, ...]:
        """Return the deliveries that match a name, an id or a key."""
        # Loaded where it is needed: no event but one about a job by its name looks for one.
        from handler.audit.search import find_deliveries

        return find_deliveries(self, what)

    def latest_jobs(self, limit: int) -> tuple[JobState, ...]:
        """Return the jobs that were planned last, the latest first."""
        return tuple(map(job_from_row, self._query(statements.LATEST_JOBS, (limit,))))

    def has_closed_before(self, before: str) -> bool:
        """Return whether a delivery has been closed and untouched since before a timestamp."""
        return bool(self._query(statements.HAS_CLOSED_BEFORE, (before, before, before)))

    @property
    def forgotten(self) -> str:
        """The moment up to which closed deliveries are forgotten, a timestamp; "" for none."""
        return self._value(FORGOTTEN_UNTIL)

    def matches_record(self, job: JobState) -> bool:
        """Return whether a job's state is the one that its latest record leads to.

        Folding that record onto the state again must change nothing.
        """
        if not self.has_all_records:
            return True  # only this instance can change its state of a log in objects
        rows = self.execute(statements.RECORD_TEXT, (job.seq,))
        fields: Fields = json.loads(rows[0][0]) if rows else {}
        before = None if fields.get("action") == "job.planned" else job
        return part(fields, "job").get("key") == job.key and fold_job(before, fields) == job

    def switch(self, name: Switch) -> str:
        """Return why a switch is on, or "" if it is off."""
        return self._value(name)

    @property
    def examined(self) -> str:
        """The time and the result of the latest examination of the deployment; "" for none."""
        return self._value(EXAMINED)

    @property
    def cut_off(self) -> str:
        """When the log was last found to have lost its end, a timestamp; "" for never."""
        return self._value(CUT_OFF)

    def is_contradicted(self, note: str) -> bool:
        """Return whether a state was contradicted with this note since the last rebuild."""
        return bool(self._value(f"{CONTRADICTED}{note}"))

    def _value(self, name: str) -> str:
        rows = self.execute(statements.SWITCH, (name,))
        return str(rows[0][0]) if rows else ""

    def _open_rollouts(self, limit: int) -> tuple[RolloutState, ...]:
        """Return open rollouts; a log without any loads nothing for it."""
        some = self._query(statements.HAS_OPEN_ROLLOUTS)
        return self.rollouts.open(limit) if some else ()

    def _deliveries(self, sql: str, *values: object) -> tuple[DeliveryState, ...]:
        return tuple(DeliveryState(*row) for row in self._query(sql, values))

    def _todo(self, kind: str, limit: int) -> tuple[JobState, ...]:
        return tuple(map(job_from_row, self._query(statements.JOBS_TODO, (kind, limit))))

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query over all jobs and deliveries."""
        self.rows.write()
        return self.execute(sql, values)
