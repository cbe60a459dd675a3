"""Creates the tables of a SQLite log and migrates those of another version.

`records` is never changed. If the file has another version than this code, the derived tables are
dropped and folded again from the records; bodies in the outbox, which exist only there, are kept.
The migration is one transaction: it happens once, however many processes open the file.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any

from handler.audit.format_version import VERSION, require_readable
from handler.audit.record import Record
from handler.audit.sql import projection, statements
from handler.audit.sql.rows import paged
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

APPLICATION_ID = 0x4E44_4C47
"""`NDLG`, by which `file` recognises a log (https://sqlite.org/pragma.html)."""

_CREATE = re.compile(r"^CREATE (TABLE|VIEW|TRIGGER) IF NOT EXISTS (\w+)", re.MULTILINE)
_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
_ANYTHING = "SELECT 1 FROM sqlite_master LIMIT 1"


def version_of(db: sqlite3.Connection) -> int:
    """Return the layout version of a file; 0 if it has none."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def application_id_of(db: sqlite3.Connection) -> int:
    """Return the application id of a file; 0 if it has none."""
    return int(db.execute("PRAGMA application_id").fetchone()[0])


def migrate(db: sqlite3.Connection, schema: str, *, place: str, rebuild: bool = False) -> None:
    """Create or migrate the tables, within `BEGIN IMMEDIATE`; `rebuild` is whatever the version.

    Raises:
        LogError: The file has a later layout, or is not a log.
        sqlite3.Error: The caller must roll back.
    """
    found, exists = version_of(db), _has(db, "records")
    if not exists and (found or db.execute(_ANYTHING).fetchone()):
        raise LogError(f"{place} is a database of another program; name another file")
    require_readable(found, place)
    if not exists or (found == VERSION and not rebuild):
        _create(db, schema)
    else:
        _recreate(db, schema)
    if found != VERSION:  # to write the same again would cost each cold start a wait for the disk
        db.execute(f"PRAGMA user_version = {VERSION}")
    if rebuild or not application_id_of(db):
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _recreate(db: sqlite3.Connection, schema: str) -> None:
    records = _records(db)
    first = next(records, None)  # fails on a table of another kind before anything is dropped
    bodies = db.execute("SELECT * FROM outbox").fetchall() if _has(db, "outbox") else []
    for kind, name in reversed(_CREATE.findall(schema)):
        if name != "records":
            db.execute(f"DROP {kind} IF EXISTS {name}")
    _create(db, schema)

    def execute(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return db.execute(statement, tuple(values)).fetchall()

    view = projection.folding_view(execute)
    for key, body, *_ in bodies:  # the key is the first column in every layout
        view.execute(statements.PUT_BODY, (key, body))
    if first:
        projection.rebuild_state(view, _records(db))


def _create(db: sqlite3.Connection, schema: str) -> None:
    for statement in _statements(schema):
        db.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """Yield a script's statements: `executescript` would end the transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _records(db: sqlite3.Connection) -> Iterator[Record]:
    return paged(lambda *page: [Record(*row) for row in db.execute(statements.RECORDS_AFTER, page)])


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute(_TABLE, (table,)).fetchone() is not None
