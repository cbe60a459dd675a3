"""Creates the tables of a PostgreSQL log and migrates those of another version.

`records` is never changed. If the database has another version than this code, the derived tables
are dropped and folded again from the records; bodies in the outbox and grants are kept.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg import sql as spell

from handler.audit.format_version import VERSION, require_readable
from handler.audit.record import Record
from handler.audit.sql import projection, statements
from handler.audit.sql.rows import paged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_EXISTS = "SELECT to_regclass('nightdrop.records') IS NOT NULL"
_VERSIONED = "SELECT to_regprocedure('nightdrop.version()') IS NOT NULL"
# A function, not a table: a role that may use the schema may call it without another grant.
PUT_VERSION = f"""
CREATE OR REPLACE FUNCTION nightdrop.version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT {VERSION}'"""
"""Stores this code's layout version in a log."""

_DERIVED = (
    ("VIEW", "job_story"),
    ("VIEW", "trail"),
    ("TABLE", "outbox"),
    ("TABLE", "rollout_nodes"),
    ("TABLE", "rollouts"),
    ("TABLE", "jobs"),
    ("TABLE", "deliveries"),
    ("TABLE", "switches"),
)
_LIKE_JOBS = ("rollouts", "rollout_nodes")
"""Tables that older layouts do not have: whoever may use `jobs` may use them."""

_GRANTED = """
SELECT DISTINCT privilege_type, table_name, grantee FROM information_schema.table_privileges
WHERE table_schema = 'nightdrop' AND table_name <> 'records' AND grantee <> grantor"""


def exists(db: Connection) -> bool:
    """Return whether a database holds an audit log of any version."""
    return run_statement(db, _EXISTS) == [(True,)]


def version_of(db: Connection) -> int:
    """Return the layout version of a log; 0 if it has none."""
    if run_statement(db, _VERSIONED) != [(True,)]:
        return 0
    return int(run_statement(db, "SELECT nightdrop.version()")[0][0])


def migrate(db: Connection, schema: bytes, *, place: str, rebuild: bool = False) -> None:
    """Create or migrate the tables, in the open transaction.

    Args:
        db: A connection of the owner, which holds the lock that every commit takes.
        schema: The tables, triggers and views, as SQL; safe to repeat.
        place: The database, for messages.
        rebuild: Whether to rebuild the derived tables whatever the version.

    Raises:
        LogError: The log has a later layout.
        psycopg.Error: The caller must roll back.
    """
    if exists(db):
        found = version_of(db)
        require_readable(found, place)
        if rebuild or found != VERSION:
            _recreate(db, schema)
    db.execute(schema)
    db.execute(PUT_VERSION.encode())


def _recreate(db: Connection, schema: bytes) -> None:
    bodies, granted = (
        run_statement(db, "SELECT * FROM nightdrop.outbox"),
        run_statement(db, _GRANTED),
    )
    for kind, name in _DERIVED:
        run_statement(db, f"DROP {kind} IF EXISTS nightdrop.{name}")
    db.execute(schema)
    run_statement(db, "SET LOCAL search_path = nightdrop")
    view = projection.folding_view(partial(run_statement, db))
    for key, body, *_ in bodies:
        view.execute(statements.PUT_BODY, (key, body))
    projection.rebuild_state(view, _records(db))
    for privilege, table, grantee in _with_new_tables(granted):
        db.execute(_grant(privilege, table, grantee))


def _with_new_tables(granted: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield what was granted; on tables that did not exist, what was granted on `jobs`."""
    yield from granted
    known = {table for _, table, _ in granted}
    for privilege, table, grantee in granted:
        if table == "jobs":
            yield from ((privilege, new, grantee) for new in _LIKE_JOBS if new not in known)


def _records(db: Connection) -> Iterator[Record]:
    asked = partial(run_statement, db, statements.RECORDS_AFTER)
    return paged(lambda *page: [Record(*row) for row in asked(page)])


def _grant(privilege: str, table: str, grantee: str) -> spell.Composed:
    # The catalogue names privileges as GRANT does, and all roles PUBLIC.
    to = spell.SQL("PUBLIC") if grantee == "PUBLIC" else spell.Identifier(grantee)
    return spell.SQL("GRANT {privilege} ON {table} TO {to}").format(
        privilege=spell.SQL(privilege), table=spell.Identifier("nightdrop", table), to=to
    )


def run_statement(
    db: psycopg.Connection[tuple[Any, ...]], statement: str, values: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    """Run a statement with `?` for its values, as in SQLite, and return its rows."""
    cursor = db.execute(_with_placeholders(statement), [_storable(value) for value in values])
    return cursor.fetchall() if cursor.description else []


def _with_placeholders(statement: str) -> bytes:
    """Return a statement with psycopg's placeholders; no statement has another `?`."""
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _storable(value: object) -> object:
    # A text column cannot hold NUL; only the name of an object may contain one.
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
