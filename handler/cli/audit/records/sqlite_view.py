"""The audit log as people read it: tables and views of one SQLite file, or of a copy of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import sqlite_utils

from handler.audit.open_log import OBS, POSTGRES, no_address
from handler.audit.record import Record, part
from handler.audit.sql import projection, statements
from handler.audit.sql.sqlite import SCHEMA
from handler.audit.sql.sqlite_reading import open_reading
from handler.cli.audit.records.named import Named, meant, only
from handler.cli.audit.records.open_log import any_log
from handler.errors import LogError
from handler.values.canonical_json import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LAST = "SELECT * FROM (SELECT * FROM trail ORDER BY seq DESC LIMIT :last) ORDER BY seq"
_NAMED = """
SELECT 'job' AS kind, key, name, job_id, rowid AS place FROM jobs
UNION ALL SELECT 'delivery', key, subject, '', rowid FROM deliveries ORDER BY place DESC"""
_JOBS = "SELECT 'job' AS kind, key, name, job_id FROM jobs ORDER BY rowid DESC"
_TIMELINE = """
SELECT seq, hash, record FROM records
WHERE json_extract(record, '$.delivery.key') IN (
    SELECT value FROM json_each(:deliveries)
    UNION SELECT delivery FROM jobs WHERE key IN (SELECT value FROM json_each(:jobs)))
  AND (json_extract(record, '$.job.key') IS NULL
       OR json_extract(record, '$.delivery.key') IN (SELECT value FROM json_each(:deliveries))
       OR json_extract(record, '$.job.key') IN (SELECT value FROM json_each(:jobs)))
ORDER BY seq"""


def cells(row: dict[str, Any], columns: Sequence[str]) -> list[object]:
    """Return a row's values for a table, moments to the second."""
    said = {**row, "at": str(row["at"])[:19].replace("T", " ")}
    return [said[column] for column in columns]


def open_trail(address: str) -> sqlite_utils.Database:
    """Open the log at an address to read it.

    A log in PostgreSQL or in OBS is copied into memory, so that the same tables and views serve.

    Raises:
        LookupError: There is no such log to read; the message says what to do.
    """
    if address.startswith((POSTGRES, OBS)):
        return _copied(address)
    scheme, _, path = address.partition(":///")
    if scheme != "sqlite":
        raise LookupError(no_address(address))
    try:
        return sqlite_utils.Database(open_reading(path), execute_plugins=False)
    except LogError as error:
        raise LookupError(str(error)) from error


def _copied(address: str) -> sqlite_utils.Database:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _copy(address, db)
    except BaseException:
        db.close()
        raise
    return sqlite_utils.Database(db, execute_plugins=False)


def _copy(address: str, db: sqlite3.Connection) -> None:
    db.executescript(SCHEMA.read_text())
    db.execute("BEGIN")

    def execute(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return db.execute(statement, tuple(values)).fetchall()

    view = projection.SqlView(execute, datetime.now(timezone.utc))
    try:
        with closing(any_log(address)) as log:
            for record in log.records():
                fields = record.fields
                execute(statements.APPEND, (record.seq, record.hash, fields["prev"], record.text))
                projection.project(view, fields)
    except LogError as error:
        raise LookupError(str(error)) from error
    except sqlite3.IntegrityError as error:
        raise LookupError("the log is no whole chain; see `nightdrop audit verify`") from error
    db.execute("COMMIT")


def trail(database: sqlite_utils.Database, last: int) -> list[dict[str, Any]]:
    """Return the latest records as rows of the view `trail`, the newest last."""
    return list(database.query(_LAST, {"last": last}))


def timeline(database: sqlite_utils.Database, what: str) -> list[Record]:
    """Return the records of a job or a delivery, by its name, id or key, or a beginning of one.

    Raises:
        LookupError: Nothing is meant, or it could be several; the message says what.
    """
    found = meant(what, _named(database, _NAMED))
    rows = database.query(
        _TIMELINE,
        {
            "jobs": json.dumps([one.key for one in found if one.kind == "job"]),
            "deliveries": json.dumps([one.key for one in found if one.kind != "job"]),
        },
    )
    return [Record(row["seq"], row["hash"], row["record"]) for row in rows]


def row_of(record: Record) -> dict[str, Any]:
    """Return a record as the row that the view `trail` has of it."""
    fields = record.fields
    delivery, job, actor = (part(fields, name) for name in ("delivery", "job", "actor"))
    response, key = part(fields, "response"), delivery.get("key")
    return {
        "seq": record.seq,
        "at": fields["at"],
        "action": fields["action"],
        "outcome": fields["outcome"],
        "delivery": shown(str(key)) if key else None,
        "job_name": job.get("name"),
        "job_id": response.get("job_id"),
        "status": response.get("status"),
        "actor_kind": actor.get("kind"),
        "actor": actor.get("name", actor.get("account")),
        "subject": delivery.get("subject"),
        "note": fields.get("note"),
        "request_id": part(fields, "function").get("request_id"),
        "hash": record.hash,
    }


def find_job(database: sqlite_utils.Database, what: str) -> str:
    """Return the key of the job with this name, id or key, or a beginning of one.

    Raises:
        LookupError: No job is meant, or several are; the message says which.
    """
    return only(what, _named(database, _JOBS)).key


def _named(database: sqlite_utils.Database, projection: str) -> Iterator[Named]:
    for row in database.query(projection):
        name = str(row["name"])
        file = name.rpartition("/")[2] if "/" in name else ""
        short = file if row["kind"] == "delivery" else row["job_id"]
        yield Named(row["kind"], row["key"], tuple(filter(None, (name, short))))
