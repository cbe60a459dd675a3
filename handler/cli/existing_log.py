"""Opens a log that exists, to write to it or to ask its state."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from handler.audit.open_log import SQLITE
from handler.audit.sql.sqlite_reading import open_read_only
from handler.cli.open_stores import open_any_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import Log

_ANY_RECORD = "SELECT count(*) FROM (SELECT 1 FROM records LIMIT 1)"


@contextmanager
def open_existing(address: str) -> Iterator[Log]:
    """Open a log that has records: after a typing error, a new one would be made.

    Raises:
        LogError: There is no log at the address, or it cannot be used.
        LookupError: It is empty.
    """
    if address.startswith(SQLITE):
        # Opening a SQLite log creates it.
        with closing(open_read_only(address.removeprefix(SQLITE))) as found:
            _require_records(found.execute(_ANY_RECORD).fetchone()[0])
    with closing(open_any_log(address)) as log:
        _require_records(log.read(lambda view: view.head).seq)
        yield log


def _require_records(last: int) -> None:
    if not last:
        raise LookupError("this audit log is empty; run the function once, or name another")
