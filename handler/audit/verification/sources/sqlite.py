"""A log in a SQLite file, read only, with the protections that the file has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.format_version import VERSION
from handler.audit.record import Head
from handler.audit.sql import statements
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.sqlite_migration import APPLICATION_ID, application_id_of, version_of
from handler.audit.sql.sqlite_reading import open_read_only, translate_read_errors
from handler.audit.verification.derived_state import (
    REBUILD,
    differing_bodies,
    differing_rows,
    tables_of,
)
from handler.audit.verification.faults import IntegrityFault
from handler.audit.verification.refold import Refold
from handler.audit.verification.sources.source import BEGINNING, RECORDS_PER_PAGE
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from handler.audit.verification.derived_state import Table
    from handler.audit.verification.sources.source import RecordRow

    Part: TypeAlias = tuple[str, str, str, str]

# All but what SQLite makes by itself; whoever may write the file can give any part such a name.
_PARTS = """
SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master
WHERE NOT (type = 'index' AND sql IS NULL)
  AND NOT (type = 'table' AND name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4'))
ORDER BY 1, 2"""
_WHERE = "FROM records WHERE seq > ? AND seq <= ? ORDER BY seq"
_ROWS = f"SELECT seq, hash, prev, record {_WHERE}"
# A table that is not ours holds values of any type.
_ROWS_OF_ANY_TYPE = f"""
SELECT CAST(seq AS INTEGER), CAST(coalesce(hash, '') AS BLOB), CAST(coalesce(prev, '') AS BLOB),
       CAST(coalesce(record, '') AS BLOB) {_WHERE}"""
# Files of layout 6 and before keep an index that nothing asks for: their records are not touched.
_UNIQUE_HASH, _HASH = "hash   TEXT NOT NULL UNIQUE,", "hash   TEXT NOT NULL,       "
_END = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
_AT = "SELECT hash FROM records WHERE seq = ?"
_BEGUN = "SELECT record FROM records WHERE substr(record, 1, ?) = ? ORDER BY seq"


class SqliteSource:
    """The records of a SQLite file.

    Raises:
        LogError: There is no such file, or it cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._db = open_read_only(path)
        with translate_read_errors(path):
            self._db.text_factory = bytes
            self._expected = _expected()
            self._found = [
                (kind.decode(), name.decode(), table.decode(), _as_made_now(sql))
                for kind, name, table, sql in self._db.execute(_PARTS)
            ]

    def protections(self) -> Iterator[IntegrityFault]:
        """Yield every table, index, view and trigger that is not as the schema makes it."""
        expected = self._expected
        current = version_of(self._db) == VERSION
        for part in expected:
            if part not in self._found and (current or part[2] == "records"):
                yield IntegrityFault(f"the {part[0]} {part[1]} {self._state(part)}")
        known = {part[:2] for part in expected}
        for part in self._found:
            if part[:2] not in known and (current or part[0] == "trigger"):
                table = display(part[2])
                name = f"on {table}" if part[0] == "trigger" else f"{display(part[1])}; drop it"
                yield IntegrityFault(f"there is a {part[0]} that the schema does not have, {name}")
        yield from self._strange_numbers()

    def pages(self, after: float = BEGINNING, last: int | None = None) -> Iterator[list[RecordRow]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages."""
        with translate_read_errors(self._path):
            upto = 2**63 - 1 if last is None else last
            ours = self._is_ours("records")
            rows = self._db.execute(_ROWS if ours else _ROWS_OF_ANY_TYPE, (after, upto))
            with closing(rows):
                while page := rows.fetchmany(RECORDS_PER_PAGE):
                    yield page

    def end(self) -> Head:
        """Return the number and hash stored last."""
        with translate_read_errors(self._path):
            row = self._db.execute(_END).fetchone()
        return Head(row[0], row[1].decode(errors="replace")) if row else Head()

    def hash_at(self, seq: int) -> str:
        """Return the hash stored under a number; "" for an unknown number."""
        with translate_read_errors(self._path):
            row = self._db.execute(_AT, (seq,)).fetchone()
        return row[0].decode(errors="replace") if row else ""

    def texts_of_action(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        begin = f'{{"action":"{action}"'
        with translate_read_errors(self._path):
            for (text,) in self._db.execute(_BEGUN, (len(begin), begin)):
                yield text

    def differences(self, advance: Callable[[int], object]) -> Iterator[IntegrityFault | str]:
        """Yield where derived data differs from the records.

        Of one moment, while the log may be written to.
        """
        if version_of(self._db) != VERSION:
            return
        with translate_read_errors(self._path), closing(Refold()) as refold:
            self._db.execute("BEGIN")
            try:
                yield from refold.add_pages(self.pages(), advance)
                for table in filter(lambda one: self._is_ours(one.name), tables_of(refold)):
                    yield from differing_rows(refold, table, self._rows)
                    yield from self._damage(table)
                if self._is_ours("outbox"):
                    yield from differing_bodies(refold, self._rows)
            finally:
                self._db.execute("ROLLBACK")

    def latest_in_state(self) -> int:
        """Return the number of the latest record that the stored state names; 0 for none."""
        try:
            (found,) = self._db.execute(statements.LATEST_IN_STATE).fetchone()
        except sqlite3.Error:  # the tables are what is to be rebuilt
            return 0
        return found if isinstance(found, int) else 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _state(self, part: Part) -> str:
        there = any(found[:2] == part[:2] for found in self._found)
        derived = "" if part[2] == "records" else f"; {REBUILD}"
        harm = "; records can be changed" if part[0] == "trigger" else derived
        return f"differs from the schema{harm}" if there else f"is missing{harm}"

    def _strange_numbers(self) -> Iterator[IntegrityFault]:
        found = version_of(self._db)
        if found > VERSION:
            yield IntegrityFault(
                f"the file's user_version is {found}, and this Nightdrop knows those up to "
                f"{VERSION}: a later Nightdrop wrote it, or the number was changed, and nothing "
                "derived was compared; verify it with that version"
            )
        elif found != VERSION:
            yield IntegrityFault(
                f"the file's user_version is {found}, and this Nightdrop writes {VERSION}: it is "
                "of another version, or the number was changed, and nothing derived was compared; "
                f"{REBUILD}"
            )
        elif application_id_of(self._db) != APPLICATION_ID:
            yield IntegrityFault(
                f"the file's application_id is not that of Nightdrop's logs; {REBUILD}"
            )

    def _rows(self, table: Table) -> Iterator[tuple[object, ...]]:
        yield from self._db.execute(f"{table.select} NOT INDEXED ORDER BY 1")

    def _damage(self, table: Table) -> Iterator[IntegrityFault]:
        """Yield whether a table's indexes hold something else than the table itself."""
        found = self._db.execute(f"PRAGMA integrity_check({table.name})").fetchone()
        if found != (b"ok",):
            yield IntegrityFault(f"the indexes of {table.name} are damaged")

    def _is_ours(self, table: str) -> bool:
        ours = set(self._found) & set(self._expected)
        return any(part[:2] == ("table", table) for part in ours)


def _as_made_now(sql: bytes) -> str:
    return sql.decode(errors="replace").replace(_UNIQUE_HASH, _HASH)


def _expected() -> list[Part]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA.read_text(encoding="utf-8"))
        return [(kind, name, table, sql) for kind, name, table, sql in db.execute(_PARTS)]
