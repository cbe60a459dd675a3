"""The tables of a SQLite log: made where they are missing, made anew where they are of old.

`records` is never touched. What is derived from it is dropped and folded again from the records
when the version in the file is another than this code's; bodies in the outbox, which stand nowhere
else, are carried over. All of it is one transaction: it happens once, however many processes open
the file, or not at all.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any

from handler.audit.format_version import VERSION, require_readable
from handler.audit.record import Record
from handler.audit.sql import projection, statements
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

APPLICATION_ID = 0x4E44_4C47
"""`NDLG`, by which other programs tell our files (https://sqlite.org/pragma.html)."""

_CREATE = re.compile(r"^CREATE (TABLE|VIEW|TRIGGER) IF NOT EXISTS (\w+)", re.MULTILINE)
_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
_PAGE = 1000


def version_of(db: sqlite3.Connection) -> int:
    """Return the version that stands in a file; 0 before there was one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def application_id_of(db: sqlite3.Connection) -> int:
    """Return the number that says whose file it is; 0 for nobody's."""
    return int(db.execute("PRAGMA application_id").fetchone()[0])


def migrate(
    db: sqlite3.Connection, schema: str, *, place: str, now: datetime, anew: bool = False
) -> None:
    """Bring a file to this code's layout, in the transaction that is open.

    Args:
        db: A connection within `BEGIN IMMEDIATE`.
        schema: The tables, triggers and views, as SQL.
        place: The file, for messages.
        now: The store's clock; it leaves no trace.
        anew: Whether to make all that is derived anew, whatever version the file is of.

    Raises:
        LogError: The file is of a later form, or is no log.
        sqlite3.Error: SQLite refuses; the transaction is to be rolled back.
    """
    found, exists = version_of(db), _has(db, "records")
    if found and not exists:
        raise LogError(f"{place} is a database of something else; name another file")
    require_readable(found, place)
    if not exists or (found == VERSION and not anew):
        _create(db, schema)
    else:
        _create_anew(db, schema, now)
    db.execute(f"PRAGMA user_version = {VERSION}")
    if anew or not application_id_of(db):
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _create_anew(db: sqlite3.Connection, schema: str, now: datetime) -> None:
    records = _records(db)
    first = next(records, None)  # a table of another kind is refused here, before anything goes
    bodies = db.execute("SELECT * FROM outbox").fetchall() if _has(db, "outbox") else []
    for kind, name in reversed(_CREATE.findall(schema)):
        if name != "records":
            db.execute(f"DROP {kind} IF EXISTS {name}")
    _create(db, schema)

    def execute(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return db.execute(statement, tuple(values)).fetchall()

    view = projection.SqlView(execute, now)
    for key, body, *_ in bodies:  # the key came first under every name it had
        view.execute(statements.PUT_BODY, (key, body))
    if first:
        projection.rebuild(view, _records(db))


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


def _records(db: sqlite3.Connection, after: int = 0) -> Iterator[Record]:
    while page := db.execute(statements.RECORDS_AFTER, (after, _PAGE)).fetchall():
        yield from (Record(*row) for row in page)
        after = page[-1][0]


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute(_TABLE, (table,)).fetchone() is not None
