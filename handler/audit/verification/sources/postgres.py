"""A log in PostgreSQL, with the protections of its records."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from handler.audit.record import Head
from handler.audit.sql import statements
from handler.audit.sql.postgres_connection import (
    POSTGRES_SCHEMA,
    connect,
    parse_address,
    translate_errors,
)
from handler.audit.verification.derived_state import (
    as_bytes,
    differing_bodies,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.audit.verification.refold import Refold
from handler.audit.verification.sources.postgres_parts import differing_parts
from handler.audit.verification.sources.source import BEGINNING, RECORDS_PER_PAGE
from handler.errors import LogBrokenError, LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.verification.derived_state import Table
    from handler.audit.verification.sources.source import RecordRow

_ROWS = "SELECT seq, hash, prev, record FROM records WHERE seq > %s AND seq <= %s ORDER BY seq"
_END = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
_AT = "SELECT hash FROM records WHERE seq = %s"
_BEGUN = "SELECT seq, record FROM records WHERE starts_with(record, %s) AND seq > %s ORDER BY seq"
_TABLE = """
SELECT relkind = 'r' AND relpersistence = 'p',
       relrowsecurity OR relforcerowsecurity OR relhasrules,
       EXISTS (SELECT 1 FROM pg_inherits WHERE oid IN (inhrelid, inhparent)),
       (SELECT array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_class WHERE oid = 'nightdrop.records'::regclass"""
_TRIGGERS = """
SELECT tgname::text, tgenabled = 'A', pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid = 'nightdrop.records'::regclass AND NOT tgisinternal"""
# With settings of its own it would look for operators and functions elsewhere.
_FUNCTION = """
SELECT prosrc, lanname = 'plpgsql' AND NOT prosecdef AND proconfig IS NULL
FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
WHERE pg_proc.oid = to_regproc('nightdrop.append_only')"""
_MEMBERS = """
SELECT rolname::text FROM pg_roles, pg_class
WHERE pg_class.oid = 'nightdrop.records'::regclass AND pg_roles.oid <> relowner AND NOT rolsuper
  AND pg_has_role(pg_roles.oid, relowner, 'MEMBER')
  AND EXISTS (SELECT 1 FROM aclexplode(relacl)
              WHERE grantee = pg_roles.oid AND privilege_type = 'INSERT')
ORDER BY 1"""
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
        if self._all(_FUNCTION) != [(_function_body(), True)]:
            yield IntegrityFault("the function append_only differs from the schema")
        for role, privilege in self._all(_GRANTED):
            yield IntegrityFault(f"the role {role} has {privilege} on records; revoke it")
        for (role,) in self._all(_MEMBERS):
            yield IntegrityFault(
                f"the role {role} writes records and is a member of their owner; revoke that"
            )

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

    def hash_at(self, seq: int) -> str:
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
