"""The audit log in memory: the product's schema and statements, a fresh log in a tenth of a ms."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import finalize

from handler.audit.format_version import VERSION
from handler.audit.record import Record, part
from handler.audit.sql import projection, sqlite, statements
from handler.audit.sql.value_list import rows_for
from handler.audit.sql.view import SqlView

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.log import Committed, Decide, View

T = TypeVar("T")


class MemoryLog:
    """A log for one thread, forgotten when it is closed.

    Args:
        clock: The store's clock, aware.
        seed: The commits' random ids follow from it.
    """

    def __init__(self, clock: Callable[[], datetime], seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - no secret, and the same every time
        self._records: list[Record] = []  # what was read of them: they never change
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        finalize(self, self._db.close)
        _empty().backup(self._db)

    def commit(self, decide: Decide[T]) -> Committed[T]:
        """Run one decision and append its records."""
        return cast("Committed[T]", self.commit_all([decide])[0])

    def commit_all(self, decisions: Sequence[Decide[Any]]) -> tuple[Committed[Any], ...]:
        """Run several decisions in order, as one append."""
        commit = f"{self._random.getrandbits(128):032x}"
        view = SqlView(self._execute, self._clock(), has_all_records=True)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            committed = projection.run_decisions(decisions, view, commit)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return committed

    def read(self, ask: Callable[[View], T], *, fresh: bool = True) -> T:  # noqa: ARG002 - it always is
        """Return what `ask` finds in the state."""
        return ask(SqlView(self._execute, self._clock()))

    def bodies(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return what the outbox holds for jobs or deliveries."""
        return dict(rows_for(self._execute, statements.BODIES_OF, keys))

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the records with a larger number than `after`."""
        rows = self._execute(statements.RECORDS_AFTER, (len(self._records), -1))
        self._records += [Record(*row) for row in rows]
        yield from self._records[after:]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement over its tables."""
        return self._execute(statement)

    def records_of(self, deliveries: Collection[str]) -> Iterator[Record]:
        """Yield the records about some deliveries."""
        for record in self.records():
            if part(record.fields, "delivery").get("key") in deliveries:
                yield record

    def save(self, path: Path) -> None:
        """Write it to a file, as a log in SQLite."""
        with closing(sqlite3.connect(path)) as file:
            self._db.backup(file)
            file.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Forget it."""
        self._db.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, tuple(values)).fetchall()


@cache
def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.executescript(Path(sqlite.__file__).with_suffix(".sql").read_text())
    return db
