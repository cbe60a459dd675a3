"""What is derived from the records, held against what the records come to.

Both sides are read in the order of their keys, row by row: of a log of any length little is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from handler.audit.verification.faults import IntegrityFault
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from handler.audit.verification.refold import Refold

RowsOf: TypeAlias = "Callable[[Table], Iterator[tuple[Any, ...]]]"
"""Yields a table's rows as they stand in a store, texts as UTF-8, in the order of their keys."""

REBUILD = "`nightdrop audit rebuild` makes it anew"
"""What to do where something derived is not as it should be."""

REMEDY = f"what is derived from the records differs from them: {REBUILD} and touches no record"
"""What to do about a difference."""

_TABLES = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND name NOT IN ('records', 'outbox', 'bodies') ORDER BY name"""
_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY pk = 0, cid"
_BODIES = "SELECT key, owner, digest FROM bodies ORDER BY key"
_SHOWN = 16


@dataclass(frozen=True)
class Table:
    """A table that is derived from the records, as the schema has it.

    Attributes:
        name: Its name.
        columns: Its columns, the key first.
    """

    name: str
    columns: tuple[str, ...]

    @property
    def select(self) -> str:
        """The beginning of a statement that reads it."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608 - of the schema


OUTBOX = Table("outbox", ("key", "body"))


def tables_of(refold: Refold) -> list[Table]:
    """Return the tables that records are folded into: all of the schema but the outbox."""
    names = [name.decode() for (name,) in refold.rows(_TABLES)]
    return [
        Table(name, tuple(column.decode() for (column,) in refold.rows(_COLUMNS, (name,))))
        for name in names
    ]


def differing_rows(refold: Refold, table: Table, found: RowsOf) -> Iterator[IntegrityFault]:
    """Yield every row of a table that is missing, too many, or not what its records come to."""
    expected = refold.rows(f"{table.select} ORDER BY 1")
    for wanted, there in _paired(expected, found(table)):
        row = wanted or there or (b"",)
        place = f"the row of {_key(row[0])} in {table.name}"
        if there is None:
            yield IntegrityFault(None, f"{place} is missing")
        elif wanted is None:
            yield IntegrityFault(None, f"{place} follows from no record")
        elif wanted != there and _kept(wanted) != _kept(there):
            other = (
                name
                for name, one, two in zip(table.columns, wanted, there, strict=True)
                if one != two
            )
            yield IntegrityFault(
                None, f"{place} is not what its records come to: {', '.join(other)}"
            )


def differing_bodies(refold: Refold, found: RowsOf) -> Iterator[IntegrityFault]:
    """Yield every body of the outbox that is missing, too many, or not the recorded one."""
    for wanted, there in _paired(refold.rows(_BODIES), found(OUTBOX)):
        if wanted is None:
            key = _key(there[0]) if there else ""
            yield IntegrityFault(None, f"the outbox holds a body for {key}, which waits for none")
            continue
        owner = f"the {wanted[1].decode()} {_key(wanted[0])}"
        if not wanted[2]:
            continue  # an older version kept no body of a delivery, and recorded no digest
        if there is None:
            yield IntegrityFault(None, f"the body of {owner} is gone from the outbox; {_GIVE_UP}")
        elif sha256(there[1]).hexdigest().encode() != wanted[2]:
            yield IntegrityFault(
                None, f"the body of {owner} in the outbox is not the one recorded; {_GIVE_UP}"
            )


_GIVE_UP = (
    "it is not acted on: give a job up with `nightdrop job abandon`, and deliver anew what is "
    "still wanted"
)


def _paired(
    expected: Iterator[tuple[Any, ...]], found: Iterator[tuple[Any, ...]]
) -> Iterator[tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]]:
    """Yield rows of two sides by their keys, None where a side has none."""
    wanted, there = next(expected, None), next(found, None)
    while wanted is not None or there is not None:
        first = there is None or (wanted is not None and wanted[0] < there[0])
        second = wanted is None or (there is not None and there[0] < wanted[0])
        yield (None if second else wanted), (None if first else there)
        wanted = wanted if second else next(expected, None)
        there = there if first else next(found, None)


def as_bytes(row: Sequence[object]) -> tuple[Any, ...]:
    """Return a row with its texts as UTF-8."""
    return tuple(
        value.encode(errors="surrogatepass") if isinstance(value, str) else value for value in row
    )


def _kept(row: Sequence[object]) -> list[object]:
    """Return a row as every store keeps it: PostgreSQL has no NUL in a text."""
    nul = "\ufffd".encode()
    return [value.replace(b"\0", nul) if isinstance(value, bytes) else value for value in row]


def _key(key: bytes) -> str:
    return display(key.decode(errors="replace")[:_SHOWN])
