"""A log in a SQLite file as it stands there, read only, with the protections the file has."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.fault import Fault
from handler.audit.record import Head
from handler.audit.sqlite import SCHEMA
from handler.audit.stored import BEGINNING, PAGE
from handler.errors import LogBrokenError, LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from handler.audit.stored import Row

    Part: TypeAlias = tuple[str, str, str, str]

_PARTS = """
SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master
WHERE type IN ('table', 'trigger', 'view') AND substr(name, 1, 7) <> 'sqlite_' ORDER BY 1, 2"""
_WHERE = "FROM records WHERE seq > ? AND seq <= ? ORDER BY seq"
_ROWS = f"SELECT seq, hash, prev, record {_WHERE}"
# A table that is not ours holds values of any type.
_ROWS_OF_ANY_TYPE = f"""
SELECT CAST(seq AS INTEGER), CAST(coalesce(hash, '') AS BLOB), CAST(coalesce(prev, '') AS BLOB),
       CAST(coalesce(record, '') AS BLOB) {_WHERE}"""
_END = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1"
_AT = "SELECT hash FROM records WHERE seq = ?"
_GAPLESS = "SELECT count(*) = coalesce(max(seq), 0) AND coalesce(min(seq), 1) = 1 FROM records"
_BEGUN = "SELECT record FROM records WHERE substr(record, 1, ?) = ? ORDER BY seq"


class StoredInSqlite:
    """The records of a SQLite file.

    Args:
        path: The file.

    Raises:
        LogError: There is no such file, or it cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            raise LogError(
                f"there is no audit log at {path}; run the function once, or name another"
            )
        with self._translated():
            self._db = _opened(self._path)
            self._db.text_factory = bytes
            self._found = [
                (kind.decode(), name.decode(), table.decode(), sql.decode(errors="replace"))
                for kind, name, table, sql in self._db.execute(_PARTS)
            ]

    def protections(self) -> Iterator[Fault]:
        """Yield every table, view and trigger that is not as the schema makes it."""
        expected = _expected()
        for part in expected:
            if part not in self._found:
                yield Fault(None, f"the {part[0]} {part[1]} {self._state(part)}")
        known = {part[:2] for part in expected}
        for part in self._found:
            if part[0] == "trigger" and part[:2] not in known:
                yield Fault(None, f"there is a trigger that the schema does not have, on {part[2]}")

    def pages(self, after: int = BEGINNING, last: int | None = None) -> Iterator[list[Row]]:
        """Yield the rows with a larger number than `after`, up to `last`, in order, by pages."""
        ours = any(part[:2] == ("table", "records") for part in set(self._found) & set(_expected()))
        with self._translated():
            upto = 2**63 - 1 if last is None else last
            rows = self._db.execute(_ROWS if ours else _ROWS_OF_ANY_TYPE, (after, upto))
            with closing(rows):
                while page := rows.fetchmany(PAGE):
                    yield page

    def end(self) -> Head:
        """Return the number and hash stored last."""
        with self._translated():
            row = self._db.execute(_END).fetchone()
        return Head(row[0], row[1].decode(errors="replace")) if row else Head()

    def at(self, seq: int) -> str:
        """Return the hash that is stored under a number; "" if there is none."""
        with self._translated():
            row = self._db.execute(_AT, (seq,)).fetchone()
        return row[0].decode(errors="replace") if row else ""

    def is_gapless(self) -> bool:
        """Return whether there are as many rows as the last number says."""
        with self._translated():
            return bool(self._db.execute(_GAPLESS).fetchone()[0])

    def begun(self, action: str) -> Iterator[bytes]:
        """Yield the texts of the records of an action, in order."""
        begin = f'{{"action":"{action}"'
        with self._translated():
            for (text,) in self._db.execute(_BEGUN, (len(begin), begin)):
                yield text

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _state(self, part: Part) -> str:
        there = any(found[:2] == part[:2] for found in self._found)
        harm = "; records can be changed" if part[0] == "trigger" else ""
        return f"is not the one of the schema{harm}" if there else f"is missing{harm}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "no such" in str(error):
                raise LogBrokenError(f"{self._path} holds no whole audit log: {error}") from error
            raise LogError(f"the audit log {self._path} cannot be read: {error}") from error
        except sqlite3.DatabaseError as error:
            raise LogBrokenError(f"{self._path} is damaged or no audit log: {error}") from error


def _opened(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    db = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        # On a medium that cannot be written SQLite has nowhere to put its index of the WAL.
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    except BaseException:
        db.close()
        raise
    return db


def _expected() -> list[Part]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA.read_text())
        return [(kind, name, table, sql) for kind, name, table, sql in db.execute(_PARTS)]
