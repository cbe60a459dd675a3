"""What is over and done with: runs that nothing more will happen to, kept aside in tables.

A run is a delivery with its jobs. When a segment ends, the runs that were closed in it go into a
table, an object of its own that is never changed. A directory says in which tables a key, a job's
id or a subject is found, in 8 bytes for each: so an instance knows what it never saw without
holding or reading what is closed, and reads one table where something old is asked for.
"""

from __future__ import annotations

import gzip
import json
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind: TypeAlias = Literal["delivery", "subject", "job", "job id", "job name", "mentioned"]
"""What a run can be found by; and, by a delivery's key, segments that mention it although it was
not closed in them."""

Row: TypeAlias = "list[Any]"

SHOWN = 16
"""Characters of a key that people are shown; a key is found by these."""

_PRINT, _TABLE = 5, 3
_KEYS = frozenset({"delivery", "job", "mentioned"})
_ENTRY = _PRINT + _TABLE
"""Bytes of an entry: a fingerprint, of which a million meet by chance once in a million lookups,
and the number of a table."""


@dataclass(frozen=True)
class Run:
    """A closed delivery and its jobs, as rows of the state's tables.

    Attributes:
        delivery: The row in `deliveries`.
        jobs: The rows in `jobs`.
        names: What it can be found by.
    """

    delivery: Row
    jobs: list[Row]
    names: frozenset[tuple[Kind, str]]

    @property
    def key(self) -> str:
        """The delivery's key."""
        return str(self.delivery[0])


@dataclass(frozen=True)
class Directory:
    """In which tables something is found.

    Attributes:
        entries: Fingerprint and table's number, sorted, one after the other.
    """

    entries: bytes = b""

    def find(self, kind: Kind, value: str) -> list[int]:
        """Return the tables that may hold it, the newest first; almost never one that does not."""
        mark = _fingerprint(kind, value)
        view = _Entries(self.entries)
        place = bisect_left(view, mark)
        found: list[int] = []
        while place < len(view) and view[place].startswith(mark):
            found.append(int.from_bytes(view[place][_PRINT:], "big"))
            place += 1
        return found[::-1]

    def with_table(self, number: int, runs: Iterable[Run]) -> Directory:
        """Return the directory with one more table."""
        return self.with_names(number, {name for run in runs for name in run.names})

    def with_names(self, number: int, names: Iterable[tuple[Kind, str]]) -> Directory:
        """Return the directory with more names that are found under a number."""
        place = number.to_bytes(_TABLE, "big")
        added = {_fingerprint(*name) + place for name in names}
        return Directory(b"".join(sorted({*_Entries(self.entries), *added})))


class _Entries:
    """Entries as a sequence, cut out of the bytes only where one is looked at."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // _ENTRY

    def __getitem__(self, place: int) -> bytes:
        return self._data[place * _ENTRY : (place + 1) * _ENTRY]

    def __iter__(self) -> Iterator[bytes]:
        return (self[place] for place in range(len(self)))


def packed(value: object) -> bytes:
    """Return a JSON value as compressed bytes, the same for the same value."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def unpacked(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return what `packed` was given.

    Raises:
        ValueError: The bytes are something else.
    """
    try:
        return json.loads(gzip.decompress(data))
    except (OSError, EOFError, RecursionError, ValueError, zlib.error) as error:
        raise ValueError("no packed JSON") from error


def table_of(runs: Sequence[Run]) -> bytes:
    """Return a table's bytes."""
    return packed([[run.delivery, run.jobs, sorted(run.names)] for run in runs])


def runs_in(data: bytes) -> list[Run]:
    """Return the runs of a table.

    Raises:
        ValueError: The bytes are no table.
    """
    return [
        Run(delivery, jobs, frozenset((kind, value) for kind, value in names))
        for delivery, jobs, names in unpacked(data)
    ]


def _fingerprint(kind: Kind, value: str) -> bytes:
    if kind in _KEYS:
        value = value[:SHOWN]
    # A lone surrogate cannot be recorded, but it can be asked for.
    return sha256(f"{kind}:{value}".encode("utf-8", "surrogatepass")).digest()[:_PRINT]
