"""The state folded anew from the records, to hold against what stands in a store.

It lies in a temporary file that SQLite removes by itself, so that memory stays flat. The statements
are those by which every store keeps its state; the rows of what was last touched are kept at hand,
since a run's records stand close together.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from handler.audit import sql
from handler.audit.fault import Fault
from handler.audit.record import part
from handler.audit.sqlite import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handler.audit.record import Fields
    from handler.audit.stored import Row

WITH_BODY = {"job.planned": "job", "delivery.received": "delivery"}
"""The actions that come with a body, and the part whose key it is kept under."""

MALFORMED = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    sqlite3.IntegrityError,
)
"""What folding a record comes to that Nightdrop did not write."""

_PUTS = {sql.DELIVERY: sql.PUT_DELIVERY, sql.JOB: sql.PUT_JOB}
_READS = {put: read for read, put in _PUTS.items()}
_MOST = 20_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)
_BODIES = """
CREATE TABLE bodies (
    key    TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,
    digest TEXT NOT NULL,
    came   TEXT NOT NULL
) STRICT"""
_PUT_BODY = "INSERT INTO bodies VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
_DELETE_BODY = "DELETE FROM bodies WHERE key = ?"


class Refold:
    """The tables of a log's state, as the records that were taken in come to.

    Beside them `bodies` has what the outbox must hold: a key, whether it is that of a `job` or a
    `delivery`, the digest recorded of its body ("" for none), and the commit that it came with.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = OFF; {SCHEMA.read_text()}{_BODIES}")
        self._db.execute("BEGIN")
        self._view = sql.SqlView(self._execute, _LONG_AGO)
        self._known: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._put: dict[tuple[str, str], tuple[object, ...]] = {}
        self._bodies: dict[str, tuple[str, str, str, str] | None] = {}

    def take(self, fields: Fields) -> None:
        """Take in one more record.

        Raises:
            MALFORMED: It lacks what its action needs.
        """
        self._db.text_factory = str
        about = WITH_BODY.get(str(fields["action"]))
        if about:
            key = str(part(fields, about)["key"])
            digest = str(part(fields, "request").get("digest", ""))
            if self._bodies.get(key) is None:
                self._bodies[key] = (key, about, digest, str(fields["commit"]))
        sql.project(self._view, fields)
        if len(self._known) + len(self._bodies) > _MOST:
            self._flush()
            self._known.clear()

    def take_pages(
        self, pages: Iterable[Sequence[Row]], advance: Callable[[int], object]
    ) -> Iterator[Fault]:
        """Take in the records of some pages; yield each that the state cannot be folded from."""
        for page in pages:
            advance(len(page))
            for seq, _, _, text in page:
                try:
                    self.take(json.loads(text.decode()))
                except MALFORMED:
                    yield Fault(seq, "lacks what its action needs: no state follows from it")

    def rows(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield what a statement finds in the tables, texts as UTF-8."""
        self._flush()
        self._db.text_factory = bytes
        yield from self._db.execute(statement, tuple(values))

    def has_body(self, key: str) -> bool:
        """Return whether the outbox must hold a body for a job or delivery."""
        return next(self.rows("SELECT 1 FROM bodies WHERE key = ?", (key,)), None) is not None

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if statement in _PUTS:
            return self._read(statement, str(values[0]))
        if statement in _READS:
            self._keep(statement, tuple(values))
            return []
        if statement == sql.DELETE_BODY:
            self._bodies[str(values[0])] = None
            return []
        self._flush()
        return self._db.execute(statement, tuple(values)).fetchall()

    def _read(self, statement: str, key: str) -> list[tuple[Any, ...]]:
        row = self._known.get((statement, key))
        if row is None:
            row = self._db.execute(statement, (key,)).fetchone()
            if row is None:
                return []
            self._known[statement, key] = row
        return [row]

    def _keep(self, put: str, values: tuple[object, ...]) -> None:
        key = str(values[0])
        self._put[put, key] = values
        self._known[_READS[put], key] = values[: _WIDTHS[put]]

    def _flush(self) -> None:
        for put in _READS:
            rows = [values for (statement, _), values in self._put.items() if statement == put]
            self._db.executemany(put, rows)
        self._put.clear()
        gone = [(key,) for key, body in self._bodies.items() if body is None]
        self._db.executemany(_PUT_BODY, filter(None, self._bodies.values()))
        self._db.executemany(_DELETE_BODY, gone)
        self._bodies.clear()


_WIDTHS = {sql.PUT_DELIVERY: len(sql.DELIVERY_COLUMNS), sql.PUT_JOB: len(sql.JOB_COLUMNS)}
