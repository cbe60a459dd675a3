"""The part of a log in which a person looks one thing up, as a database of the same tables.

What is read of a log in PostgreSQL or in OBS does not grow with its length.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import sqlite_utils

from handler.audit.open_log import OBS, POSTGRES
from handler.audit.sql import statements
from handler.audit.sql.rows import delivery_row, job_row
from handler.audit.sql.sqlite import SCHEMA
from handler.cli.audit.records.open_log import any_log
from handler.cli.audit.records.sqlite_view import open_trail
from handler.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handler.audit.log import SearchedLog
    from handler.audit.record import Record
    from handler.audit.state import DeliveryState

_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


def open_excerpt(address: str, what: str) -> sqlite_utils.Database:
    """Open what a log says about one thing: its deliveries, their jobs and their records.

    A log in SQLite is opened as it is.

    Args:
        address: The log's address.
        what: The name, id or key of a job, the key of a delivery, or the beginning of one.

    Raises:
        LookupError: There is no such log to read; the message says what to do.
    """
    if not address.startswith((POSTGRES, OBS)):
        return open_trail(address)
    try:
        with closing(any_log(address)) as log:
            found = log.find(what)
            keys = {delivery.key for delivery in found}
            return _filled(found, log.records_of(keys) if keys else ())
    except LogError as error:
        raise LookupError(str(error)) from error


def state_of(log: SearchedLog, what: str) -> sqlite_utils.Database:
    """Return the deliveries and jobs that somebody may mean, without their records."""
    return _filled(log.find(what), ())


def _filled(found: Sequence[DeliveryState], records: Iterable[Record]) -> sqlite_utils.Database:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.executescript(SCHEMA.read_text())
        # The records of one delivery do not follow each other.
        for (name,) in db.execute(_TRIGGERS).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        # The latest last, as they stand in a log.
        for delivery in reversed(found):
            db.execute(statements.PUT_DELIVERY, delivery_row(delivery))
            for job in delivery.jobs:
                db.execute(statements.PUT_JOB, job_row(job))
        for one in records:
            db.execute(statements.APPEND, (one.seq, one.hash, "", one.text))
    except BaseException:
        db.close()
        raise
    return sqlite_utils.Database(db, execute_plugins=False)
