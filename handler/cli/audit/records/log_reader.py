"""Opens a log for reading only, whichever store holds it: its records, or tables and views.

A log in SQLite is read where it is. One in PostgreSQL or in OBS is copied into a database in
memory, so that the same queries serve all three.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlite_utils

from handler.audit.actions import FORGOTTEN
from handler.audit.open_log import POSTGRES, SQLITE, no_address
from handler.audit.record import Record
from handler.audit.rollouts.projection import rollout_row
from handler.audit.rollouts.statements import PUT_ROLLOUT
from handler.audit.sql import projection, statements
from handler.audit.sql.rows import delivery_row, job_row
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.sqlite_reading import open_read_only
from handler.cli.open_stores import open_any_log
from handler.errors import LogBrokenError, LogError
from handler.values.obs_address import OBS
from handler.values.store_address import no_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handler.audit.log import Log, View
    from handler.audit.rollouts.state import RolloutState
    from handler.audit.state import DeliveryState

_AFTER = "SELECT seq, hash, record FROM records WHERE seq > ? ORDER BY seq"
_FORGETTING = f'"action":"{FORGOTTEN}"'
_LAST = "SELECT coalesce(max(seq), 0) AS seq FROM records"


@dataclass(frozen=True)
class LogReader:
    """The records of a log after a number, the last number (0 for none), and a question."""

    records: Callable[[int], Iterator[Record]]
    last: Callable[[], int]
    has_forgotten: Callable[[], bool]


@contextmanager
def open_reader(address: str) -> Iterator[LogReader]:
    """Open the log at an address to read its records; the block closes it.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
    """
    if is_remote(address):
        with _open_remote(address) as log:
            yield LogReader(
                log.records,
                lambda: log.read(lambda view: view.head).seq,
                lambda: log.read(lambda view: bool(view.forgotten)),
            )
        return
    open_database(address).close()

    # Opened each time: a connection to a read-only medium may not see what is written later.
    def records(after: int) -> Iterator[Record]:
        with closing(open_database(address)) as database:
            for row in database.query(_AFTER, [after]):
                yield Record(row["seq"], row["hash"], row["record"])

    def last() -> int:
        with closing(open_database(address)) as database:
            return int(next(iter(database.query(_LAST)))["seq"])

    def has_forgotten() -> bool:
        with closing(open_database(address)) as database:
            return any(database["switches"].rows_where("name = 'forgotten'"))

    yield LogReader(records, last, has_forgotten)


def open_database(address: str, about: str | None = None) -> sqlite_utils.Database:
    """Open the log at an address as a SQLite database with its tables and views.

    Args:
        address: The address of the log.
        about: Restricts the copy of a log in PostgreSQL or OBS to the deliveries, jobs and
            records that this name, id or key may mean; None copies all of it.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
    """
    if not is_remote(address):
        if not address.startswith(SQLITE):
            raise LogError(no_address(address))
        return _wrap(open_read_only(address.removeprefix(SQLITE)))
    with _new_copy() as copy, _open_remote(address) as log:
        if about:
            _copy_matches(log, about, copy)
        else:
            _copy_records(log.records(), copy)
        return _wrap(copy)


def open_with_forgotten(address: str) -> sqlite_utils.Database | None:
    """Open a copy of a log that also has the deliveries that were forgotten.

    Returns:
        The copy; None if nothing was ever forgotten.

    Raises:
        LogError: There is no log at the address, or it cannot be read.
    """
    with open_reader(address) as log:
        if not log.has_forgotten():
            return None
        with _new_copy() as copy:
            _drop_triggers(copy)
            remembered = (one for one in log.records(0) if _FORGETTING not in one.text)
            _copy_records(remembered, copy)
            return _wrap(copy)


@contextmanager
def _open_remote(address: str) -> Iterator[Log]:
    with closing(open_any_log(address)) as log:
        # In OBS there is nothing to be found of a log before its first record.
        if address.startswith(OBS) and not log.read(lambda view: view.head).seq:
            raise LogError(no_log(address))
        yield log


@contextmanager
def _new_copy() -> Iterator[sqlite3.Connection]:
    """Yield a database in memory with the schema; close it after an error."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        copy.executescript(SCHEMA.read_text(encoding="utf-8"))
        yield copy
    except BaseException:
        copy.close()
        raise


def is_remote(address: str) -> bool:
    """Return whether an address names a log in PostgreSQL or in OBS."""
    return address.startswith((POSTGRES, OBS))


def _wrap(connection: sqlite3.Connection) -> sqlite_utils.Database:
    return sqlite_utils.Database(connection, execute_plugins=False)


def _copy_records(records: Iterable[Record], copy: sqlite3.Connection) -> None:
    def execute(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return copy.execute(statement, tuple(values)).fetchall()

    view = projection.folding_view(execute)
    copy.execute("BEGIN")
    try:
        for record in records:
            row = (record.seq, record.hash, record.fields["prev"], record.text)
            copy.execute(statements.APPEND, row)
            projection.project(view, record.fields)
    except sqlite3.IntegrityError as error:
        raise LogBrokenError("the chain is incomplete; see `nightdrop audit verify`") from error
    copy.execute("COMMIT")


def _drop_triggers(copy: sqlite3.Connection) -> None:
    """Let a copy hold records that are not adjacent."""
    for trigger in _wrap(copy).triggers:
        copy.execute(f"DROP TRIGGER {trigger.name}")


def _matches(view: View, what: str) -> tuple[tuple[DeliveryState, ...], tuple[RolloutState, ...]]:
    """Return the deliveries that a name may mean, or else that of a rollout, and the rollout."""
    if found := view.find(what):
        return found, ()
    from handler.rollouts.request import find_rollout  # `audit list` does not pay for it

    with suppress(LookupError):
        rollout = find_rollout(view, what)
        return tuple(filter(None, [view.delivery(rollout.delivery)])), (rollout,)
    return (), ()


def _copy_matches(log: Log, what: str, copy: sqlite3.Connection) -> None:
    """Copy only what a name may mean, so that the cost does not grow with the log."""
    _drop_triggers(copy)
    found, rollouts = log.read(lambda view: _matches(view, what))
    for rollout in rollouts:
        copy.execute(PUT_ROLLOUT, rollout_row(rollout))
    for delivery in reversed(found):  # the latest last, as in a log
        copy.execute(statements.PUT_DELIVERY, delivery_row(delivery))
        for job in delivery.jobs:
            copy.execute(statements.PUT_JOB, job_row(job))
    if found:
        for record in log.records_of({delivery.key for delivery in found}):
            copy.execute(statements.APPEND, (record.seq, record.hash, "", record.text))
