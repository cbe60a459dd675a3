"""A log in PostgreSQL, with its protections; its tables are compared with the schema file.

The schema file is run in the session's temporary schema, in a transaction that is rolled back, and
PostgreSQL describes both, so that two spellings of one definition are equal.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg

from handler.audit.record import Head
from handler.audit.sql import statements
from handler.audit.sql.postgres_connection import (
    POSTGRES_SCHEMA,
    connect,
    parse_address,
    translate_errors,
)
from handler.audit.sql.postgres_migration import PUT_VERSION
from handler.audit.verification.derived_state import (
    REBUILD,
    as_bytes,
    differing_bodies,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.audit.verification.refold import Refold
from handler.audit.verification.sources.source import BEGINNING, RECORDS_PER_PAGE
from handler.errors import LogBrokenError, LogError
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.sql.postgres_migration import Connection
    from handler.audit.verification.derived_state import Table
    from handler.audit.verification.sources.source import RecordRow

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
SELECT 'function', proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')', prosrc
FROM pg_proc JOIN here ON pronamespace = here.oid WHERE proname <> 'append_only')
SELECT kind, name, replace(replace(definition, here.nspname || '.', ''), 'pg_temp.', '')
FROM found, here"""
_OURS = "SELECT to_regnamespace('nightdrop')::oid"
_OWN = "SELECT pg_my_temp_schema()"

_ROWS = "SELECT seq, hash, prev, record FROM records WHERE seq > %s AND seq <= %s ORDER BY seq"
_END = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
_AT = "SELECT hash FROM records WHERE seq = %s"
_BEGUN = "SELECT seq, record FROM records WHERE starts_with(record, %s) AND seq > %s ORDER BY seq"
_TABLE = """
SELECT relkind = 'r', relrowsecurity OR relforcerowsecurity OR relhasrules,
       EXISTS (SELECT 1 FROM pg_inherits WHERE oid IN (inhrelid, inhparent)),
       (SELECT array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_class WHERE oid = 'nightdrop.records'::regclass"""
_TRIGGERS = """
SELECT tgname::text, tgenabled = 'A', pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid = 'nightdrop.records'::regclass AND NOT tgisinternal"""
_FUNCTION = "SELECT prosrc FROM pg_proc WHERE oid = to_regproc('nightdrop.append_only')"
# Whoever is granted something on the table or one of its columns, but for its owner.
_GRANTED = """
SELECT DISTINCT coalesce(rolname::text, 'everybody'), privilege_type
FROM (SELECT relowner, (aclexplode(relacl)).* FROM pg_class
      WHERE oid = 'nightdrop.records'::regclass
      UNION ALL
      SELECT relowner, (aclexplode(attacl)).*
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
      WHERE attrelid = 'nightdrop.records'::regclass) AS granted
LEFT JOIN pg_roles ON pg_roles.oid = grantee
WHERE grantee <> relowner AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
ORDER BY 1, 2"""
_COLUMNS = ["seq bigint", "hash text", "prev text", "record text"]
_TRIGGER = "CREATE TRIGGER {} BEFORE {} ON nightdrop.records FOR EACH {} EXECUTE FUNCTION {}"
_EXPECTED = {
    "records_append_only_insert": ("INSERT", "ROW"),
    "records_append_only_change": ("DELETE OR UPDATE OR TRUNCATE", "STATEMENT"),
}
_BODY = re.compile(r"append_only\(\) RETURNS trigger .*?\$\$(.*?)\$\$", re.DOTALL)
_PATIENCE = 30.0
_LAST = 2**63 - 1


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


class PostgresSource:
    """The records of a PostgreSQL database, read in a session of its own.

    The address is as for `PostgresLog`; a role that may only read is enough.

    Raises:
        LogError: The server cannot be reached, or holds no audit log.
    """

    def __init__(self, address: str) -> None:
        self._place = parse_address(address)
        self._db = connect(self._place, _PATIENCE)
        with translate_errors(self._place):
            self._db.execute("SET default_transaction_read_only = on")

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield what allows the records to be changed."""
        found = self._all(_TABLE)[0]
        if found != (True, False, False, _COLUMNS):
            yield IntegrityFault("the table records differs from the schema, or has rules")
        yield from _faults_of_triggers(self._all(_TRIGGERS))
        if [row[0] for row in self._all(_FUNCTION)] != [_function_body()]:
            yield IntegrityFault("the function append_only differs from the schema")
        for role, privilege in self._all(_GRANTED):
            yield IntegrityFault(f"the role {role} has {privilege} on records; revoke it")

    def pages(self, after: float = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages."""
        upto = _LAST if last is None else last
        while page := self._all(f"{_ROWS} LIMIT {RECORDS_PER_PAGE}", (after, upto)):
            yield [
                (seq, stored.encode(), prev.encode(), text.encode())
                for seq, stored, prev, text in page
            ]
            after = page[-1][0]

    def end(self) -> Head:
        """Return the number and hash stored last."""
        rows = self._all(_END)
        return Head(*rows[0]) if rows else Head()

    def at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number."""
        rows = self._all(_AT, (seq,))
        return str(rows[0][0]) if rows else ""

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        after: float = BEGINNING
        begin = f'{{"action":"{action}"'
        while page := self._all(f"{_BEGUN} LIMIT {RECORDS_PER_PAGE}", (begin, after)):
            yield from (text.encode() for _, text in page)
            after = page[-1][0]

    def differences(self, advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield where derived data differs from the records.

        Of one moment, while the log may be written to.
        """
        with translate_errors(self._place), closing(Refold()) as refold:
            yield from differing_parts(self._db)
            self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield from refold.add_pages(self.pages(), advance)
                for table in tables_of(refold):
                    yield from differing_rows(refold, table, self._rows)
                yield from differing_bodies(refold, self._rows)
            finally:
                self._db.execute("ROLLBACK")

    def latest_in_state(self) -> int:
        """Return the number of the latest record that the stored state names; 0 for none."""
        try:
            [(found,)] = self._all(statements.LATEST_IN_STATE)
        except LogError:  # the tables are what is to be rebuilt
            return 0
        return found if isinstance(found, int) else 0

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _rows(self, table: Table) -> Iterator[tuple[object, ...]]:
        key, after = table.columns[0], ""
        order = f'ORDER BY {key} COLLATE "C" LIMIT {RECORDS_PER_PAGE}'
        # The first page has a row with an empty key, which only another program can write.
        page, next_page = (
            f'{table.select} WHERE {key} COLLATE "C" {than} %s {order}' for than in (">=", ">")
        )
        while rows := self._all(page, (after,)):
            yield from map(as_bytes, rows)
            page, after = next_page, rows[-1][0]

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with translate_errors(self._place):
            return self._db.execute(statement.encode(), values or None).fetchall()


def _faults_of_triggers(found: Sequence[tuple[Any, ...]]) -> Iterator[IntegrityFault]:
    there = {name: (always, text) for name, always, text in found}
    for name, (event, level) in _EXPECTED.items():
        always, text = there.pop(name, (None, ""))
        if always is None:
            yield IntegrityFault(f"the trigger {name} is missing; records can be changed")
        elif not always:
            yield IntegrityFault(
                f"the trigger {name} is not always enabled; records can be changed"
            )
        elif text != _TRIGGER.format(name, event, level, "append_only()"):
            yield IntegrityFault(f"the trigger {name} differs from the schema")
    for _ in there:
        yield IntegrityFault("there is a trigger that the schema does not have, on records")


def _function_body() -> str:
    found = _BODY.search(POSTGRES_SCHEMA.read_text(encoding="utf-8"))
    if found is None:
        raise LogBrokenError("the schema that came with this program has no append_only")
    return found[1]
