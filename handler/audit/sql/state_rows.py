"""The jobs and deliveries of one transaction: each row is read once and written once.

Records change the same few rows again and again: a plan of 200 jobs changes its delivery 201 times.
So what is folded stays here until the tables are queried or the transaction ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.audit.sql import statements
from handler.audit.sql.rows import (
    DELIVERY_COLUMNS,
    JOB_ROW,
    delivery_row,
    job_from_row,
    job_row,
)
from handler.audit.state import DeliveryState

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from handler.audit.job_state import JobState
    from handler.audit.sql.view import Execute

    Row: TypeAlias = tuple[Any, ...]


class StateRows:
    """What a transaction has read and changed."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._head: Head | None = None
        self._jobs: dict[str, JobState | None] = {}
        self._deliveries: dict[str, DeliveryState | None] = {}
        self._new: set[str] = set()
        """Deliveries that no table had: all their jobs are here."""
        self._stored_jobs: dict[str, JobState | None] = {}
        """The jobs that were changed, as the table has them."""
        self._stored_deliveries: dict[str, DeliveryState | None] = {}

    @property
    def head(self) -> Head:
        """The end of the chain."""
        if self._head is None:
            rows = self._execute(statements.HEAD)
            self._head = Head(*rows[0]) if rows else Head()
        return self._head

    @head.setter
    def head(self, head: Head) -> None:
        self._head = head

    def job(self, key: str) -> JobState | None:
        """Return a job, or None."""
        if key not in self._jobs:
            rows = self._execute(statements.JOB, (key,))
            self._jobs[key] = job_from_row(rows[0]) if rows else None
        return self._jobs[key]

    def delivery(self, key: str) -> DeliveryState | None:
        """Return a delivery without its jobs, or None."""
        if key not in self._deliveries:
            rows = self._execute(statements.DELIVERY, (key,))
            self._deliveries[key] = DeliveryState(*rows[0]) if rows else None
            if not rows:
                self._new.add(key)
        return self._deliveries[key]

    def jobs_of(self, key: str) -> tuple[JobState, ...]:
        """Return the jobs of a delivery, in the order of the file."""
        if key in self._new:
            jobs = [job for job in self._jobs.values() if job and job.delivery == key]
            return tuple(sorted(jobs, key=lambda job: (job.document, job.key)))
        self.write()
        return tuple(map(job_from_row, self._execute(statements.JOBS_OF, (key,))))

    def put_job(self, job: JobState) -> None:
        """Change a job."""
        self._stored_jobs.setdefault(job.key, self.job(job.key))
        self._jobs[job.key] = job

    def put_delivery(self, delivery: DeliveryState) -> None:
        """Change a delivery; its jobs are separate rows."""
        self._stored_deliveries.setdefault(delivery.key, self.delivery(delivery.key))
        self._deliveries[delivery.key] = delivery

    def write(self) -> None:
        """Write what was changed to the tables; deliveries first, since jobs refer to them."""
        for key, before in self._stored_deliveries.items():
            delivery = self._deliveries[key]
            if before and delivery:
                rows = delivery_row(before), delivery_row(delivery)
                self._update("deliveries", DELIVERY_COLUMNS, *rows)
            elif delivery:
                self._execute(statements.PUT_DELIVERY, delivery_row(delivery))
        for key, was in self._stored_jobs.items():
            job = self._jobs[key]
            if was and job:
                self._update("jobs", JOB_ROW, job_row(was), job_row(job))
            elif job:
                self._execute(statements.PUT_JOB, job_row(job))
        self._stored_deliveries, self._stored_jobs = {}, {}

    def _update(self, table: str, columns: tuple[str, ...], before: Row, row: Row) -> None:
        """Change those columns of a row that differ: indexes of the others are left alone."""
        changed = [place for place, value in enumerate(row) if value != before[place]]
        if changed:
            statement = statements.update(table, tuple(columns[place] for place in changed))
            self._execute(statement, (*(row[place] for place in changed), row[0]))

    def forget(self) -> None:
        """Write what was changed, and read every row again from now on."""
        self.write()
        self._jobs, self._deliveries, self._new = {}, {}, set()
