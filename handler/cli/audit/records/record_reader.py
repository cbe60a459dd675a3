"""The records as they stand in the store, one after the other: never all of them at once."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.audit.open_log import POSTGRES
from handler.audit.record import Record
from handler.cli.audit.records.open_log import any_log
from handler.cli.audit.records.sqlite_view import open_trail
from handler.values.obs_address import OBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AFTER = "SELECT seq, hash, record FROM records WHERE seq > ? ORDER BY seq"
_LAST = "SELECT coalesce(max(seq), 0) AS seq FROM records"


@dataclass(frozen=True)
class Stored:
    """A log that is open for reading.

    Attributes:
        records: Yields the records with a larger number, in their order.
        last: Returns the number of the last record, 0 for none.
    """

    records: Callable[[int], Iterator[Record]]
    last: Callable[[], int]


@contextmanager
def stored(address: str) -> Iterator[Stored]:
    """Open the log at an address to read its records, and close it with the block.

    Raises:
        LookupError: There is no such log to read; the message says what to do.
        LogError: Likewise.
    """
    if address.startswith((POSTGRES, OBS)):
        with closing(any_log(address)) as log:
            yield Stored(log.records, lambda: log.read(lambda view: view.head).seq)
        return
    database = open_trail(address)
    try:

        def records(after: int) -> Iterator[Record]:
            for row in database.query(_AFTER, [after]):
                yield Record(row["seq"], row["hash"], row["record"])

        yield Stored(records, lambda: int(next(iter(database.query(_LAST)))["seq"]))
    finally:
        database.close()
