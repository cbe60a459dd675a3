"""Which store an address names; only its modules are loaded."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from handler.errors import LogError
from handler.values.obs_address import OBS, parse_obs_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from handler.audit.log import Log
    from handler.audit.objects.object_store import ObjectStore
    from handler.audit.objects.probe_result import Doubt
    from handler.audit.verification.sources.source import RecordSource

    OpenPrefix: TypeAlias = Callable[[str, str], ObjectStore]

POSTGRES = "postgresql://"
"""How the address of a log in PostgreSQL begins."""

SQLITE = "sqlite:///"
"""How the address of a SQLite file begins."""

_FILE = re.compile(r"[\w./-]{1,200}\.(?:db|sqlite3?)", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+]{0,11}(?=://)")


def open_log(
    address: str,
    folders: OpenPrefix | None = None,
    time_left: Callable[[], float] = lambda: math.inf,
) -> Log:
    """Open the log at an address.

    Args:
        address: `sqlite:///nightdrop.db`, `postgresql://host/database` or `obs://bucket/prefix`.
        folders: Opens a folder by its bucket and its prefix; only a log in OBS needs it.
        time_left: The seconds that are left for the caller; only a SQLite file needs it.

    Raises:
        LogError: The address names no store, or the store cannot be used.
    """
    if address.startswith(OBS):
        from handler.audit.objects.log import ObjectLog

        return ObjectLog(folder_at(address, folders))
    if _names_a_file(address):
        from handler.audit.sql.sqlite import SqliteLog

        return SqliteLog(address.removeprefix(SQLITE), time_left=time_left)
    with _psycopg_needed():
        from handler.audit.sql.postgres import PostgresLog
    return PostgresLog(address)


def folder_at(address: str, folders: OpenPrefix | None) -> ObjectStore:
    """Open the folder that an address in OBS names.

    Raises:
        LogError: It names none, or there is nothing to open it with.
    """
    try:
        bucket, prefix = parse_obs_address(address)
    except ValueError:
        bucket, prefix = "", ""
    if not bucket or folders is None:
        raise LogError("a log in OBS needs a bucket, and OBS: obs://bucket/prefix")
    prefix = prefix.rstrip("/")
    return folders(bucket, f"{prefix}/" if prefix else "")


def log_warnings(address: str, folders: OpenPrefix | None) -> tuple[Doubt, ...]:
    """Return what is not certain about the store at an address."""
    if not address.startswith(OBS):
        return ()
    from handler.audit.objects.probe_result import missing_probe

    missing = missing_probe(folder_at(address, folders))
    return (missing,) if missing else ()


def open_source(address: str, folders: OpenPrefix | None = None) -> RecordSource:
    """Open what stands at an address to verify it, read only, as it is.

    Raises:
        LogError: The address names no store, or there is no log in it.
    """
    if address.startswith(OBS):
        from handler.audit.verification.sources.objects import ObjectsSource

        return ObjectsSource(folder_at(address, folders))
    if _names_a_file(address):
        from handler.audit.verification.sources.sqlite import SqliteSource

        return SqliteSource(address.removeprefix(SQLITE))
    with _psycopg_needed():
        from handler.audit.verification.sources.postgres import PostgresSource
    return PostgresSource(address)


def init_log(address: str, role: str = "") -> tuple[str, ...]:
    """Create what the log at an address needs before it is first opened; safe to repeat.

    Args:
        address: As for `open_log`, with a role that may create tables.
        role: The database role that the function will use; it is granted what it needs.

    Returns:
        The grants that the function's role needs, as SQL statements; none for a SQLite file or
        a folder in OBS, which are created when they are first used.

    Raises:
        LogError: The address names no store, or the store cannot be prepared.
    """
    if address.startswith(OBS) or _names_a_file(address):
        return ()
    with _psycopg_needed():
        from handler.audit.sql.postgres_connection import init_schema
    return init_schema(address, role)


def _names_a_file(address: str) -> bool:
    """Return whether an address names a SQLite file; False for PostgreSQL.

    Raises:
        LogError: It names neither.
    """
    if address.startswith(SQLITE) and address != SQLITE:
        return True
    if address.startswith(POSTGRES):
        return False
    raise LogError(no_address(address))


def no_address(address: str) -> str:
    """Return why an address names no log, and what to write; it may hold a password."""
    if address == "sqlite" or address.startswith("sqlite:"):
        return "sqlite:// needs three slashes and a file: sqlite:///nightdrop.db"
    if _FILE.fullmatch(address):
        return f'"{address}" is not a log address; did you mean sqlite:///{address}?'
    # No more of it than the scheme.
    scheme = _SCHEME.match(address)
    kind = scheme[0] if scheme else "what is named"
    return f"no log can be kept in {kind}; use sqlite:///file, {POSTGRES}host/… or {OBS}bucket/…"


@contextmanager
def _psycopg_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise LogError(
            "an audit log in PostgreSQL needs psycopg: build the zip with "
            "`nightdrop package --with postgres`, in a checkout run `make .venv/.dev`"
        ) from error
