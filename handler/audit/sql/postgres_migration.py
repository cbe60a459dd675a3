"""The tables of a PostgreSQL log: made where they are missing, made anew where they are of old.

`records` is never touched. What is derived from it is dropped and folded again from the records
when the version in the database is another than this code's; bodies in the outbox are carried over,
and whoever was granted something on the old tables and views is granted it on the new ones.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg import sql as spell

from handler.audit.format_version import VERSION, require_readable
from handler.audit.record import Record
from handler.audit.sql import projection, statements
from handler.audit.sql.postgres_statement import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_EXISTS = "SELECT to_regclass('nightdrop.records') IS NOT NULL"
_VERSIONED = "SELECT to_regprocedure('nightdrop.version()') IS NOT NULL"
# A function, not a table: whoever may use the schema may call it, without a grant of its own.
_PUT_VERSION = f"""
CREATE OR REPLACE FUNCTION nightdrop.version() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT {VERSION}'"""
_DERIVED = (
    ("VIEW", "job_story"),
    ("VIEW", "trail"),
    ("TABLE", "outbox"),
    ("TABLE", "jobs"),
    ("TABLE", "deliveries"),
    ("TABLE", "switches"),
)
_GRANTED = """
SELECT DISTINCT privilege_type, table_name, grantee FROM information_schema.table_privileges
WHERE table_schema = 'nightdrop' AND table_name <> 'records' AND grantee <> grantor"""
_PAGE = 1000


def exists(db: Connection) -> bool:
    """Return whether a database holds an audit log of any version."""
    return run(db, _EXISTS) == [(True,)]


def version_of(db: Connection) -> int:
    """Return the version that stands in a log; 0 before there was one."""
    if run(db, _VERSIONED) != [(True,)]:
        return 0
    return int(run(db, "SELECT nightdrop.version()")[0][0])


def put_version() -> str:
    """Return the statement that puts this code's version into a log."""
    return _PUT_VERSION


def migrate(db: Connection, schema: bytes, *, place: str, anew: bool = False) -> None:
    """Bring a database to this code's layout, in the transaction that is open.

    Args:
        db: A connection of the owner, behind the lock that every commit takes.
        schema: The tables, triggers and views, as SQL; safe to repeat.
        place: The database, for messages.
        anew: Whether to make all that is derived anew, whatever version the log is of.

    Raises:
        LogError: The log is of a later form.
        psycopg.Error: The database refuses; the transaction is to be rolled back.
    """
    if exists(db):
        found = version_of(db)
        require_readable(found, place)
        if anew or found != VERSION:
            _create_anew(db, schema)
    db.execute(schema)
    db.execute(_PUT_VERSION.encode())


def _create_anew(db: Connection, schema: bytes) -> None:
    bodies, granted = run(db, "SELECT * FROM nightdrop.outbox"), run(db, _GRANTED)
    for kind, name in _DERIVED:
        run(db, f"DROP {kind} IF EXISTS nightdrop.{name}")
    db.execute(schema)
    run(db, "SET LOCAL search_path = nightdrop")
    view = projection.SqlView(partial(run, db), run(db, "SELECT clock_timestamp()")[0][0])
    for key, body, *_ in bodies:
        view.execute(statements.PUT_BODY, (key, body))
    projection.rebuild(view, _records(db))
    for privilege, table, grantee in granted:
        db.execute(_grant(privilege, table, grantee))


def _records(db: Connection, after: int = 0) -> Iterator[Record]:
    while page := run(db, statements.RECORDS_AFTER, (after, _PAGE)):
        yield from (Record(*row) for row in page)
        after = page[-1][0]


def _grant(privilege: str, table: str, grantee: str) -> spell.Composed:
    # The catalogue spells privileges as GRANT takes them, and every role as PUBLIC.
    to = spell.SQL("PUBLIC") if grantee == "PUBLIC" else spell.Identifier(grantee)
    return spell.SQL("GRANT {privilege} ON {table} TO {to}").format(
        privilege=spell.SQL(privilege),
        table=spell.Identifier("nightdrop", table),
        to=to,
    )
