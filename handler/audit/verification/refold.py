"""The state folded from the records, to compare with the state in a store.

It is in a temporary file that SQLite removes by itself, so memory stays flat. The records of a run
are close to each other, so the states that were touched last are in memory and are written many
rows at a time, where `project` works row by row.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from handler.audit.actions import FORGOTTEN
from handler.audit.job_state import JobState, fold_job
from handler.audit.record import part
from handler.audit.sql import projection, statements
from handler.audit.sql.rows import delivery_row, job_from_row, job_row
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.switches import project_switches
from handler.audit.state import UNDECIDED, DeliveryState, fold_delivery
from handler.audit.verification.faults import IntegrityFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handler.audit.record import Fields
    from handler.audit.verification.sources.source import RecordRow

MALFORMED = (
    ArithmeticError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    sqlite3.IntegrityError,
)
"""The errors of folding a record that Nightdrop did not write."""

_MOST = 4_000
"""How many states are in memory at most."""

_BODIES = """
CREATE TABLE bodies (
    key    TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,
    digest TEXT NOT NULL,
    came   TEXT NOT NULL
) STRICT"""
_PUT_BODY = "INSERT INTO bodies VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_DELETE_BODY = "DELETE FROM bodies WHERE key = ?"
_FORGET_BODIES = """
DELETE FROM bodies WHERE owner = 'rollout' AND key NOT IN (SELECT key FROM rollouts)"""


class Refold:
    """State tables folded from the records read so far.

    The table `bodies` has what the outbox must hold: a key, whether it is that of a `job`, a
    `rollout` or a `delivery`, the recorded digest of the body ("" for none), and the commit that
    it came with.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            f"PRAGMA journal_mode = OFF; {SCHEMA.read_text(encoding='utf-8')}{_BODIES}"
        )
        self._db.execute("BEGIN")
        self._view = projection.folding_view(self._execute)
        self._jobs: dict[str, JobState] = {}
        self._deliveries: dict[str, DeliveryState] = {}
        self._bodies: dict[str, tuple[str, str, str, str] | None] = {}

    def add(self, fields: Fields) -> None:
        """Fold one more record.

        Raises:
            MALFORMED: It lacks a field that its action needs.
        """
        self._db.text_factory = str
        action = str(fields["action"])
        about = projection.WITH_BODY.get(action)
        if about:
            key = str(part(fields, about)["key"])
            digest = str(part(fields, "request").get("digest", ""))
            if self._bodies.get(key) is None:
                self._bodies[key] = (key, about, digest, str(fields["commit"]))
        if action == FORGOTTEN:
            self._flush()
        if action.startswith("job."):
            self._add_job(fields)
        elif "rollout" in fields:
            self._add_rollout(fields)
        if "delivery" in fields:
            self._add_delivery(fields)
        self._add_switches(action, fields)
        if len(self._jobs) + len(self._deliveries) > _MOST:
            self._flush()

    def add_pages(
        self, pages: Iterable[Sequence[RecordRow]], advance: Callable[[int], object]
    ) -> Iterator[IntegrityFault]:
        """Fold the records of some pages; yield a fault for each that cannot be folded."""
        for page in pages:
            advance(len(page))
            for seq, _, _, text in page:
                try:
                    self.add(json.loads(text.decode()))
                except MALFORMED:
                    yield IntegrityFault(
                        "lacks a field that its action needs: it cannot be folded", seq
                    )

    def rows(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement, texts as UTF-8."""
        self._flush()
        self._db.text_factory = bytes
        yield from self._db.execute(statement, tuple(values))

    def has_body(self, key: str) -> bool:
        """Return whether the outbox must hold a body for a job or delivery."""
        return next(self.rows("SELECT 1 FROM bodies WHERE key = ?", (key,)), None) is not None

    def close(self) -> None:
        """Delete the tables."""
        self._db.close()

    def _add_job(self, fields: Fields) -> None:
        key = str(part(fields, "job")["key"])
        before = self._jobs.get(key)
        if before is None:
            rows = self._execute(statements.JOB, (key,))
            before = job_from_row(rows[0]) if rows else None
        job = fold_job(before, fields)
        if job is not None:
            self._jobs[key] = job
            if job.final:
                self._bodies[key] = None
            projection.project_nodes(self._execute, fields, before, job)

    def _add_rollout(self, fields: Fields) -> None:
        from handler.audit.rollouts.projection import closes_template

        projection.project_rollout(self._execute, fields)
        if closes_template(fields):
            self._bodies[str(part(fields, "rollout")["key"])] = None

    def _add_delivery(self, fields: Fields) -> None:
        key = str(part(fields, "delivery")["key"])
        delivery = self._deliveries.get(key)
        if delivery is None:
            rows = self._execute(statements.DELIVERY, (key,))
            delivery = DeliveryState(*rows[0]) if rows else None
        delivery = fold_delivery(delivery, fields)
        if delivery is not None:
            self._deliveries[key] = delivery
            if delivery.state not in UNDECIDED:
                self._bodies[key] = None

    def _add_switches(self, action: str, fields: Fields) -> None:
        if action.startswith("notice."):
            project_switches(self._view, action, fields)
        elif "delivery" not in fields:
            projection.project(self._view, fields)
        if action == FORGOTTEN:
            self._execute(_FORGET_BODIES)

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(values)).fetchall()

    def _flush(self) -> None:
        self._db.executemany(statements.PUT_DELIVERY, map(delivery_row, self._deliveries.values()))
        self._db.executemany(statements.PUT_JOB, map(job_row, self._jobs.values()))
        self._db.executemany(_PUT_BODY, filter(None, self._bodies.values()))
        gone = [(key,) for key, body in self._bodies.items() if body is None]
        self._db.executemany(_DELETE_BODY, gone)
        for states in (self._deliveries, self._jobs, self._bodies):
            states.clear()
