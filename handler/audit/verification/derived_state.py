"""Compare the state in a store with the state folded from the records.

Both sides are read row by row in the order of their keys, so memory stays flat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from handler.audit.verification.faults import IntegrityFault
from handler.values.canonical_json import short_key
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.verification.refold import Refold

RowsOf: TypeAlias = "Callable[[Table], Iterator[tuple[Any, ...]]]"
"""Yields the stored rows of a table in the order of their keys, texts as UTF-8."""

REBUILD = "rebuild it with `nightdrop audit rebuild`"
"""What to do about something derived that is wrong."""

REMEDY = f"the state differs from the records: {REBUILD}, which changes no record"
"""What to do about a difference."""

_TABLES = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND name NOT IN ('records', 'outbox', 'bodies') ORDER BY name"""
_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY pk = 0, cid"
_BODIES = "SELECT key, owner, digest FROM bodies ORDER BY key"
_KEY = re.compile(r"[a-z2-7]{52}")

REMEDIES = {
    "rollout": "stop it with `nightdrop rollout stop`, and drop its file again with another "
    "`serial`; if it has finished, only a retry of its nodes needs the body",
    "job": "it is not used: give the job up with `nightdrop jobs abandon`, and deliver again what "
    "is still wanted",
    "delivery": "it is not used: the next run of the reconciler rejects it; deliver it again if it "
    "is still wanted",
}
"""What to do about a body that is not the recorded one, by what it is of."""


@dataclass(frozen=True)
class Table:
    """A table that is derived from the records; the first column is its key."""

    name: str
    columns: tuple[str, ...]

    @property
    def select(self) -> str:
        """The beginning of a statement that reads it."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608 - of the schema


OUTBOX = Table("outbox", ("key", "body"))


def tables_of(refold: Refold) -> list[Table]:
    """Return the tables that records are folded into: all of the schema except the outbox."""
    names = [name.decode() for (name,) in refold.rows(_TABLES)]
    return [
        Table(name, tuple(column.decode() for (column,) in refold.rows(_COLUMNS, (name,))))
        for name in names
    ]


def differing_rows(refold: Refold, table: Table, stored: RowsOf) -> Iterator[IntegrityFault]:
    """Yield a fault for every row of a table that is missing, added, or changed."""
    expected = refold.rows(f"{table.select} ORDER BY 1")
    for wanted, found in _paired(expected, stored(table)):
        row = wanted or found or (b"",)
        place = f"the row of {_key(row[0])} in {table.name}"
        if found is None:
            yield IntegrityFault(f"{place} is missing")
        elif wanted is None:
            yield IntegrityFault(f"{place} is not derived from any record")
        elif wanted != found and _without_nul(wanted) != _without_nul(found):
            columns = (
                name
                for name, one, two in zip(table.columns, wanted, found, strict=True)
                if one != two
            )
            yield IntegrityFault(f"{place} differs from its records: {', '.join(columns)}")


def differing_bodies(refold: Refold, stored: RowsOf) -> Iterator[IntegrityFault]:
    """Yield a fault for every body in the outbox that is missing, added, or changed."""
    for wanted, found in _paired(refold.rows(_BODIES), stored(OUTBOX)):
        if wanted is None:
            key = _key(found[0]) if found else ""
            yield IntegrityFault(f"the outbox holds a body for {key}, which no record asks for")
            continue
        whose = wanted[1].decode()
        owner, remedy = f"the {whose} {_key(wanted[0])}", REMEDIES[whose]
        if not wanted[2]:
            continue  # an older version recorded no digest
        if found is None:
            yield IntegrityFault(f"the body of {owner} is missing from the outbox; {remedy}")
        elif sha256(found[1]).hexdigest().encode() != wanted[2]:
            yield IntegrityFault(
                f"the body of {owner} in the outbox does not match its recorded digest; {remedy}"
            )


def _paired(
    expected: Iterator[tuple[Any, ...]], stored: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]]:
    """Yield rows of two sides by their keys, None where a side has none."""
    wanted, found = next(expected, None), next(stored, None)
    while wanted is not None or found is not None:
        first = found is None or (wanted is not None and wanted[0] < found[0])
        second = wanted is None or (found is not None and found[0] < wanted[0])
        yield (None if second else wanted), (None if first else found)
        wanted = wanted if second else next(expected, None)
        found = found if first else next(stored, None)


def as_bytes(row: Sequence[object]) -> tuple[Any, ...]:
    """Return a row with its texts as UTF-8."""
    return tuple(
        value.encode(errors="surrogatepass") if isinstance(value, str) else value for value in row
    )


def _without_nul(row: Sequence[object]) -> list[object]:
    """Return a row as PostgreSQL stores it, which replaces NUL in a text."""
    nul = "\ufffd".encode()
    return [value.replace(b"\0", nul) if isinstance(value, bytes) else value for value in row]


def _key(key: bytes) -> str:
    text = key.decode(errors="replace")
    return display(short_key(text) if _KEY.fullmatch(text) else text)
