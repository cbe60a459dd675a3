"""Connects to the PostgreSQL database of an audit log, and creates its schema.

Errors name the database without its password, and hold no values of a statement.
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from handler.audit.format_version import VERSION, require_readable
from handler.audit.sql.postgres_migration import exists, migrate, version_of
from handler.errors import LogBrokenError, LogBusyError, LogError, LogUnreachableError
from handler.values.store_address import checked_postgres_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.sql.postgres_migration import Connection

TAKE_LOCK = f"SELECT pg_advisory_xact_lock({0x6E_69_67_68_74})"
"""The key of the advisory lock that every commit takes: `night` in ASCII."""

OLDEST_SERVER = 140_000
"""PostgreSQL 14 in libpq's numbering: the first with CREATE OR REPLACE TRIGGER."""

POSTGRES_SCHEMA = Path(__file__).with_name("postgres.sql")
"""The tables, triggers and views, as SQL."""

_LONGEST_CONNECT = 10
_REASON = re.compile(r"failed: (?:FATAL: +)?(?!connection to )(.+)")
# A frozen sender must release the lock before the others time out. A commit returns once it is on
# disk, whatever the default of the database is.
_SESSION = """
SELECT set_config('search_path', 'nightdrop', false),
       set_config('TimeZone', 'UTC', false),
       set_config('lock_timeout', %(lock)s, false),
       set_config('statement_timeout', %(longest)s, false),
       set_config('idle_in_transaction_session_timeout', %(idle)s, false),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                      WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)"""
_OWNS = """
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'nightdrop.records'::regclass"""
_GRANTS = (
    "GRANT USAGE ON SCHEMA nightdrop TO {role}",
    "GRANT SELECT, INSERT ON nightdrop.records TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON nightdrop.deliveries, nightdrop.jobs TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON nightdrop.rollouts, nightdrop.rollout_nodes TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON nightdrop.outbox, nightdrop.switches TO {role}",
    "GRANT SELECT ON nightdrop.trail, nightdrop.job_story TO {role}",
)


@dataclass(frozen=True)
class PostgresAddress:
    """The address of a database.

    Attributes:
        address: The address as it was set; it may hold a password.
        shown: Its host and database only, for messages.
    """

    address: str = field(repr=False)
    shown: str


def parse_address(address: str) -> PostgresAddress:
    """Return an address, parsed by libpq's rules.

    Raises:
        LogError: The address is ambiguous or invalid; the message does not quote it.
    """
    try:
        parts = conninfo_to_dict(checked_postgres_address(address))
    except ValueError as error:
        raise LogError(f"the address of the audit log {error}") from None
    except psycopg.Error:
        # The error quotes what was set.
        raise LogError(
            "the address of the audit log has a parameter after its ? that libpq does not know; "
            "write any other ? with %-escapes"
        ) from None
    host = quote(str(parts.get("host") or parts.get("hostaddr") or ""), safe="/,:[]")
    return PostgresAddress(address, f"postgresql://{host}/{quote(str(parts.get('dbname') or ''))}")


def connect(place: PostgresAddress, lock_timeout: float) -> Connection:
    """Return a connection to a database that holds an audit log.

    Args:
        place: The database.
        lock_timeout: Seconds that it waits for a lock.

    Raises:
        LogUnreachableError: The server is unreachable or refuses the login.
        LogError: The database holds no audit log.
    """
    with translate_errors(place):
        db = _connect(place, lock_timeout)
        try:
            _begin_session(db, place, lock_timeout)
        except BaseException:
            db.close()
            raise
    return db


def init_schema(address: str, role: str = "") -> tuple[str, ...]:
    """Create the audit log's tables, or migrate them; no record is changed.

    Args:
        address: The database, with a role that may create a schema in it.
        role: The function's existing role; it is granted what the function needs.

    Returns:
        The grants that the function's role needs, as statements; executed if `role` is given.

    Raises:
        LogError: The database cannot hold a log, or the role is unknown or has too many rights.
    """
    place = parse_address(address)
    with translate_errors(place), _connect(place, _LONGEST_CONNECT) as db, db.transaction():
        _check(db, place, role)
        db.execute(TAKE_LOCK.encode())
        migrate(db, POSTGRES_SCHEMA.read_bytes(), place=place.shown)
        name = sql.Identifier(role) if role else sql.SQL("function_role")
        grants = [sql.SQL(grant).format(role=name) for grant in _GRANTS]
        for grant in grants if role else ():
            db.execute(grant)
        return tuple(f"{grant.as_string(db)};" for grant in grants)


def rebuild_derived(address: str) -> bool:
    """Rebuild everything that is derived from the records, if this role owns the tables.

    Returns:
        Whether it owns them; the function's role does not.

    Raises:
        LogError: The database cannot be used, or holds no audit log.
    """
    place = parse_address(address)
    with translate_errors(place), _connect(place, _LONGEST_CONNECT) as db, db.transaction():
        if not exists(db):
            raise LogError(_unprepared(place))
        if not db.execute(_OWNS).fetchall()[0][0]:
            return False
        db.execute(TAKE_LOCK.encode())
        migrate(db, POSTGRES_SCHEMA.read_bytes(), place=place.shown, rebuild=True)
        return True


@contextmanager
def translate_errors(place: PostgresAddress) -> Iterator[None]:
    """Raise PostgreSQL's errors as errors of the log, with what to do about them."""
    try:
        yield
    except (errors.LockNotAvailable, errors.QueryCanceled) as error:
        raise LogBusyError(
            f"the audit log {place.shown} is held by other writers: {_reason(error)}"
        ) from error
    except (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
        raise LogUnreachableError(
            f"the audit log {place.shown} is unreachable: {_reason(error)}"
        ) from error
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise LogError(_unprepared(place)) from error
    except errors.InsufficientPrivilege as error:
        raise LogError(
            f"the audit log {place.shown} denies access: {_reason(error)}; "
            "`nightdrop audit init --role NAME` grants what the function needs"
        ) from error
    except psycopg.IntegrityError as error:
        raise LogBrokenError(
            f"the audit log {place.shown} rejects the change: {_reason(error)}"
        ) from error
    except psycopg.Error as error:
        raise LogError(f"the audit log {place.shown} cannot be used: {_reason(error)}") from error


def _connect(place: PostgresAddress, lock_timeout: float) -> Connection:
    return psycopg.connect(
        place.address,
        autocommit=True,
        client_encoding="utf8",
        fallback_application_name="nightdrop",
        connect_timeout=math.ceil(min(_LONGEST_CONNECT, max(2, lock_timeout))),
        tcp_user_timeout=_LONGEST_CONNECT * 1000,
        keepalives_idle=_LONGEST_CONNECT,
        keepalives_interval=5,
        keepalives_count=3,
    )


def _begin_session(db: Connection, place: PostgresAddress, lock_timeout: float) -> None:
    waits = {"lock": lock_timeout, "longest": 2 * lock_timeout, "idle": lock_timeout / 3}
    db.execute(_SESSION, {name: str(math.ceil(seconds * 1000)) for name, seconds in waits.items()})
    if not exists(db):
        raise LogError(_unprepared(place))
    found = version_of(db)
    require_readable(found, place.shown)
    if found != VERSION:
        age = "an earlier" if found < VERSION else "a later"
        raise LogError(
            f"{place.shown} has the layout of {age} version; run `nightdrop audit init` of this "
            "version as the owner of the tables: it rebuilds them from the records"
        )


def _check(db: Connection, place: PostgresAddress, role: str) -> None:
    if db.info.server_version < OLDEST_SERVER:
        raise LogError(f"{place.shown} is older than PostgreSQL 14; use that or a later version")
    if db.info.parameter_status("server_encoding") != "UTF8":
        raise LogError(f"{place.shown} is not in UTF-8; create a database with ENCODING 'UTF8'")
    if not role:
        return
    known = db.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if known is None:
        raise LogError("the role does not exist; create it first: CREATE ROLE … LOGIN PASSWORD …")
    if known[0] or role == db.info.user:
        raise LogError(
            "this role owns the tables or the server, and could change records; "
            "create a role for the function only"
        )


def _unprepared(place: PostgresAddress) -> str:
    return (
        f"{place.shown} holds no audit log yet; "
        "run `nightdrop audit init --audit postgresql://…` once, as a role that may create it"
    )


def _reason(error: psycopg.Error) -> str:
    """Return the main sentence of an error, without the row or the statement it concerns.

    For a failed connection libpq writes several lines, with advice and every address tried.
    """
    text = str(error).strip()
    reasons = _REASON.findall(text) or text.splitlines()[:1]
    return error.diag.message_primary or (str(reasons[-1]) if reasons else type(error).__name__)
