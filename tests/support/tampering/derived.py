"""Falsified state beside unchanged records: what the function would act on, and must find."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

from handler.audit.sql.sqlite import SqliteLog
from tests.support.long_log import recording, run_records
from tests.support.tampering.falsify import Tampering, plain, run

if TYPE_CHECKING:
    from tests.support.long_log import LongLog
    from tests.support.tampering.falsify import Attack

_INDEX = "SELECT sql FROM sqlite_master WHERE name = 'jobs_todo'"
_PUT_BACK = "UPDATE sqlite_master SET sql = ? WHERE name = 'jobs_todo'"


def with_waiting(attack: Attack) -> Attack:
    """Attack a log that has a planned job with its body in the outbox, and a delivery with one."""

    def first(log: LongLog) -> None:
        with closing(SqliteLog(log.path)) as opened:
            opened.commit(recording(list(islice(run_records("waits"), 3))))
            opened.commit(recording(list(islice(run_records("came"), 1))))
        attack(log)

    return first


def refolded(*attacks: Attack) -> Attack:
    """Attack, and rebuild the state from the records that are left."""

    def attack(log: LongLog) -> None:
        for one in attacks:
            one(log)
        with closing(SqliteLog(log.path)) as opened:
            opened.rebuild()

    return attack


def emptied_index(log: LongLog) -> None:
    """Have an index that holds nothing bear the definition of one that holds all."""
    with closing(sqlite3.connect(log.path, isolation_level=None)) as db:
        [[sql]] = db.execute(_INDEX)
        db.execute("DROP INDEX jobs_todo")
        db.execute("CREATE INDEX jobs_todo ON jobs (todo, changed_at) WHERE todo = 'never'")
        db.execute("UPDATE jobs SET todo = 'nothing' WHERE todo = 'never'")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(_PUT_BACK, (sql,))


DERIVED: tuple[Tampering, ...] = (
    Tampering(
        "the last 50 records are cut off, the state stays; nothing outside is known",
        run("DELETE FROM records WHERE seq > 950"),
        "is not derived from any record",
        places=False,
    ),
    Tampering(
        "a created job is set back to planned",
        plain(
            "UPDATE jobs SET state = 'planned', todo = 'send' "
            "WHERE key = (SELECT max(key) FROM jobs)"
        ),
        "in jobs differs from its records: state, todo",
    ),
    Tampering(
        "a delivery is removed from the state, so that it would run again",
        plain("DELETE FROM deliveries WHERE key = (SELECT max(key) FROM deliveries)"),
        "in deliveries is missing",
    ),
    Tampering(
        "a job is removed from the state",
        plain("DELETE FROM jobs WHERE key = (SELECT max(key) FROM jobs)"),
        "in jobs is missing",
    ),
    Tampering(
        "a hold is slipped in",
        plain("INSERT INTO switches VALUES ('hold', 'by no operator')"),
        "the row of hold in switches is not derived from any record",
    ),
    Tampering(
        "a request that waits is exchanged",
        with_waiting(plain("UPDATE outbox SET body = '{}' WHERE key IN (SELECT key FROM jobs)")),
        "in the outbox does not match its recorded digest",
    ),
    Tampering(
        "a delivery that waits is exchanged",
        with_waiting(
            plain("UPDATE outbox SET body = '{}' WHERE key NOT IN (SELECT key FROM jobs)")
        ),
        "in the outbox does not match its recorded digest",
    ),
    Tampering(
        "a request that waits is removed",
        with_waiting(plain("DELETE FROM outbox")),
        "is missing from the outbox",
    ),
    Tampering(
        "a request that was not planned is slipped in",
        plain("INSERT INTO outbox VALUES ('mine', '{}')"),
        "the outbox holds a body for mine, which no record asks for",
    ),
    Tampering(
        "an index is dropped", plain("DROP INDEX jobs_todo"), "the index jobs_todo is missing"
    ),
    Tampering(
        "an index is emptied", with_waiting(emptied_index), "the indexes of jobs are damaged"
    ),
    Tampering(
        "a table is added",
        plain("CREATE TABLE approvals (who TEXT)"),
        "there is a table that the schema does not have, approvals",
    ),
    Tampering(
        "a column is added to the jobs",
        plain("ALTER TABLE jobs ADD COLUMN approved TEXT"),
        "the table jobs differs from the schema",
    ),
    Tampering(
        "a trigger is added to the jobs",
        plain("CREATE TRIGGER more AFTER UPDATE ON jobs BEGIN DELETE FROM outbox; END"),
        "there is a trigger that the schema does not have, on jobs",
    ),
    Tampering("the file's user_version is changed", plain("PRAGMA user_version = 9"), "is 9, and"),
    Tampering(
        "the file's application_id is changed",
        plain("PRAGMA application_id = 1"),
        "application_id is not that of Nightdrop's logs",
    ),
)
"""Each way, and the report."""
