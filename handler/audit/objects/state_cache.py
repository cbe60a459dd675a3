"""The state of a log in objects: an in-memory SQLite database with the tables of the other stores.

Of the records only the first and the last are here. In the outbox, bodies are here only until the
commit they come with is appended; after that a row names the commit, and the body is in the object
of that commit (`outbox`).
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Any

from handler.audit.rollouts import statements as rollout_statements
from handler.audit.sql import projection, statements
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.value_list import ANY, rows_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.audit.objects.snapshot import Snapshot
    from handler.audit.record import Fields, Record

_SETUP = """
DROP TRIGGER records_append_only_insert;
DROP TRIGGER records_append_only_update;
DROP TRIGGER records_append_only_delete;
ALTER TABLE outbox ADD COLUMN commit_id TEXT;
CREATE INDEX outbox_by_commit ON outbox (commit_id);
CREATE TABLE settled (commit_id TEXT NOT NULL) STRICT;
CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox WHEN OLD.commit_id IS NOT NULL
BEGIN
    INSERT INTO settled VALUES (OLD.commit_id);
END;
"""
_DELETE_INNER_RECORDS = "DELETE FROM records WHERE seq > 1 AND seq < (SELECT max(seq) FROM records)"
_NEW_BODIES = "SELECT key, body FROM outbox WHERE commit_id IS NULL"
_ASSIGN_BODIES = "UPDATE outbox SET commit_id = ?, body = '' WHERE commit_id IS NULL"
_PUT_REFERENCE = """
INSERT INTO outbox (key, body, commit_id) VALUES (?, '', ?) ON CONFLICT (key) DO NOTHING"""
_COMMITS_OF = f"SELECT key, commit_id FROM outbox WHERE key IN {ANY}"  # noqa: S608 - marks for values
_IS_REFERRED_TO = "SELECT 1 FROM outbox WHERE commit_id = ? LIMIT 1"

_SELECT = {
    "deliveries": statements.ALL_DELIVERIES,
    "jobs": statements.ALL_JOBS,
    "outbox": "SELECT key, commit_id FROM outbox ORDER BY key",
    "rollouts": rollout_statements.ALL_ROLLOUTS,
    "rollout_nodes": rollout_statements.ALL_NODES,
    "switches": statements.ALL_SWITCHES,
}
"""The statements that read the rows of a snapshot, by their tables."""

PUT = {
    "deliveries": statements.PUT_DELIVERY,
    "jobs": statements.PUT_JOB,
    "rollouts": rollout_statements.PUT_ROLLOUT,
    "rollout_nodes": rollout_statements.PUT_NODE,
    "switches": statements.PUT_SWITCH,
}
"""The statements that put the rows of a snapshot, by their tables; the outbox is another."""


class StateCache:
    """The state, in one transaction at a time."""

    def __init__(self) -> None:
        self._db = _in_memory()
        _empty().backup(self._db)

    def begin(self) -> None:
        """Begin a transaction."""
        self.execute("BEGIN")
        self.execute("DELETE FROM settled")

    def commit(self) -> None:
        """End the transaction and keep its changes."""
        self.execute(_DELETE_INNER_RECORDS)
        self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction, if there is one, and undo its changes."""
        if self._db.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Delete the database."""
        self._db.close()

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self._db.execute(statement, tuple(values)).fetchall()

    def assign_bodies(self, commit: str) -> Mapping[str, str]:
        """Return the bodies that were added in this transaction, and note their commit's id."""
        bodies = dict(self.execute(_NEW_BODIES))
        self.execute(_ASSIGN_BODIES, (commit,))
        return bodies

    def settled_commits(self) -> frozenset[str]:
        """Return the commits some of whose bodies were deleted in this transaction."""
        return frozenset(commit for (commit,) in self.execute("SELECT commit_id FROM settled"))

    def add(self, record: Record, fields: Fields) -> None:
        """Fold a record that was read."""
        self.put_last(record, fields)
        about = fields.get(projection.WITH_BODY.get(str(fields["action"]), ""))
        if isinstance(about, dict):
            self.execute(_PUT_REFERENCE, (about["key"], fields["commit"]))
        projection.project(projection.folding_view(self.execute), fields)

    def put_last(self, record: Record, fields: Fields) -> None:
        """Make a record the last one, without folding it."""
        self.execute(statements.APPEND, (record.seq, record.hash, fields["prev"], record.text))

    def commits_of(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the commits that the bodies of jobs or deliveries came with, by their keys.

        What is settled is left out.
        """
        return dict(rows_for(self.execute, _COMMITS_OF, keys))

    def is_referred_to(self, commit: str) -> bool:
        """Return whether a body of a commit is still needed."""
        return bool(self.execute(_IS_REFERRED_TO, (commit,)))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of the state's tables."""
        return {table: self.execute(statement) for table, statement in _SELECT.items()}

    def load(self, snapshot: Snapshot, last: tuple[Record, Fields]) -> None:
        """Put a snapshot into the empty state.

        Raises:
            ArithmeticError, LookupError, TypeError, ValueError, AttributeError, sqlite3.Error: It
                holds no state.
        """
        first = snapshot.first
        self.begin()
        self.execute(statements.APPEND, (first.seq, first.hash, "", first.text))
        self.put_last(*last)
        for table in _SELECT:
            self._db.executemany(PUT.get(table, _PUT_REFERENCE), snapshot.rows[table])
        self.commit()


@cache
def _empty() -> sqlite3.Connection:
    """Return a state without rows: a copy of it costs a tenth of running the schema again."""
    db = _in_memory()
    # That each record follows the one before is checked where records are read.
    db.executescript(SCHEMA.read_text(encoding="utf-8") + _SETUP)
    return db


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
