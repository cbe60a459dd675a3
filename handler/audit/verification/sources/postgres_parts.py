"""The tables, indexes and views of a log in PostgreSQL, compared with the schema file.

The schema file is run in the session's temporary schema, in a transaction that is rolled back, and
PostgreSQL describes both, so that two spellings of one definition are equal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import psycopg

from handler.audit.sql.postgres_connection import (
    POSTGRES_SCHEMA,
)
from handler.audit.sql.postgres_migration import PUT_VERSION
from handler.audit.verification.derived_state import (
    REBUILD,
)
from handler.audit.verification.faults import IntegrityFault
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.sql.postgres_migration import Connection

Parts: TypeAlias = "dict[tuple[str, str], str]"

UNCOMPARED = (
    "tables, indexes and views were not compared with the schema: that takes a role that may make "
    "temporary tables"
)
"""The remark for a role that may not make temporary tables."""

_CREATE_SCHEMA = re.compile(r"^CREATE SCHEMA [^;]*;$", re.MULTILINE)
# `PostgresSource.protections` compares the triggers and the function of `records`.
_PARTS = """
WITH here AS (SELECT oid, nspname FROM pg_namespace WHERE oid = %(schema)s::oid),
     found AS (
SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'r' THEN 'table' ELSE 'relation' END AS kind,
       relname::text AS name,
       concat(relkind, relrowsecurity, relforcerowsecurity,
              CASE relkind WHEN 'v' THEN pg_get_viewdef(pg_class.oid) END) AS definition
FROM pg_class JOIN here ON relnamespace = here.oid WHERE relkind NOT IN ('i', 'I', 'c', 't')
UNION ALL
SELECT 'column', relname || '.' || attname, concat_ws(' ', attnum, format_type(atttypid, atttypmod),
       attnotnull, collname, pg_get_expr(adbin, adrelid))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN here ON relnamespace = here.oid
LEFT JOIN pg_collation ON pg_collation.oid = attcollation
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped AND relkind = 'r'
UNION ALL
SELECT 'index', relname, concat(pg_get_indexdef(indexrelid), ' ', indisvalid)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN here ON relnamespace = here.oid
UNION ALL
SELECT 'constraint', relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid)
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid JOIN here ON relnamespace = here.oid
WHERE contype <> 't'
UNION ALL
SELECT 'rule', relname || '.' || rulename, pg_get_ruledef(pg_rewrite.oid)
FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class JOIN here ON relnamespace = here.oid
WHERE relkind = 'r'
UNION ALL
SELECT 'trigger', relname || '.' || tgname, pg_get_triggerdef(pg_trigger.oid)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN here ON relnamespace = here.oid
WHERE NOT tgisinternal AND relname <> 'records'
UNION ALL
SELECT 'policy', relname || '.' || polname, ''
FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid JOIN here ON relnamespace = here.oid
UNION ALL
SELECT 'function', proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')',
       concat_ws(' ', prosecdef, prolang, array_to_string(proconfig, ' '), prosrc)
FROM pg_proc JOIN here ON pronamespace = here.oid WHERE proname <> 'append_only')
SELECT kind, name, replace(replace(definition, here.nspname || '.', ''), 'pg_temp.', '')
FROM found, here"""
_OURS = "SELECT to_regnamespace('nightdrop')::oid"
_OWN = "SELECT pg_my_temp_schema()"


def differing_parts(db: Connection) -> Iterator[IntegrityFault | str]:
    """Yield a fault for every part that is missing, added, or different; or one remark.

    The connection must be outside any transaction.
    """
    try:
        expected, stored = _expected(db), _parts(db, _OURS)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
        yield UNCOMPARED
        return
    for kind, name in sorted(expected.keys() | stored.keys()):
        wanted, found = expected.get((kind, name)), stored.get((kind, name))
        if found is None:
            yield IntegrityFault(f"the {kind} {name} is missing; {_INIT}")
        elif wanted is None:
            yield IntegrityFault(
                f"there is a {kind} that the schema does not have, {display(name)}; drop it"
            )
        elif wanted != found:
            yield IntegrityFault(f"the {kind} {name} differs from the schema; {_INIT}")


_INIT = f"{REBUILD}, run as the owner of the tables"


def _expected(db: Connection) -> Parts:
    """Return the parts that the schema file makes, made in the temporary schema and rolled back."""
    script = _CREATE_SCHEMA.sub("", f"{POSTGRES_SCHEMA.read_text(encoding='utf-8')};{PUT_VERSION}")
    db.execute("BEGIN READ WRITE")
    try:
        db.execute("SET LOCAL client_min_messages = error")
        db.execute("SET LOCAL search_path = pg_temp")
        db.execute(script.replace("nightdrop.", "pg_temp.").encode())
        return _parts(db, _OWN)
    finally:
        db.execute("ROLLBACK")


def _parts(db: Connection, schema: str) -> Parts:
    [[oid]] = db.execute(schema.encode()).fetchall()
    rows = db.execute(_PARTS.encode(), {"schema": oid}).fetchall()
    return {(kind, name): definition for kind, name, definition in rows}
