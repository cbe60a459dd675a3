"""Which store an address names."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from handler.audit.sqlite import SqliteLog
from handler.audit.stored_sqlite import StoredInSqlite
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Log
    from handler.audit.stored import Stored

POSTGRES = "postgresql://"
"""How the address of a log in PostgreSQL begins."""

_SQLITE = "sqlite:///"


def open_log(address: str) -> Log:
    """Open the log at an address: `sqlite:///nightdrop.db` or `postgresql://host/database`.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    if _names_a_file(address):
        return SqliteLog(address.removeprefix(_SQLITE))
    with _psycopg_needed():
        from handler.audit.postgres import PostgresLog  # noqa: PLC0415 - psycopg loads slowly
    return PostgresLog(address)


def open_stored(address: str) -> Stored:
    """Open what stands at an address to verify it, read only, as it is.

    Raises:
        LogError: The address names no store, or there is no log in it.
    """
    if _names_a_file(address):
        return StoredInSqlite(address.removeprefix(_SQLITE))
    with _psycopg_needed():
        from handler.audit.stored_postgres import StoredInPostgres  # noqa: PLC0415 - likewise
    return StoredInPostgres(address)


def init_log(address: str, role: str = "") -> tuple[str, ...]:
    """Create what the log at an address needs before it is first opened; safe to repeat.

    Args:
        address: As for `open_log`, with a role that may create tables.
        role: The database role that the function will use; it is granted what it needs.

    Returns:
        The grants that the function's role needs, as SQL statements; none for a SQLite file,
        which is created when it is first opened.

    Raises:
        LogError: The address names no store, or the store cannot be prepared.
    """
    if _names_a_file(address):
        return ()
    with _psycopg_needed():
        from handler.audit.postgres_place import prepare  # noqa: PLC0415 - likewise
    return prepare(address, role)


def _names_a_file(address: str) -> bool:
    """Return whether an address names a SQLite file; False for PostgreSQL.

    Raises:
        LogError: It names neither.
    """
    if address.startswith(_SQLITE) and address != _SQLITE:
        return True
    if address.startswith(POSTGRES):
        return False
    kind = address.partition(":")[0]  # no more of it: an address may hold a password
    raise LogError(f"no audit log can be kept in {kind}; use sqlite:///file or {POSTGRES}host/…")


@contextmanager
def _psycopg_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise LogError(
            "an audit log in PostgreSQL needs psycopg; install the extra: nightdrop[postgres]"
        ) from error
