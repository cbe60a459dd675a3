"""Rebuilds what is derived from the records, in every store.

No record is touched, and one is added: whoever reads the log later is to know that it was done.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.objects.log import ObjectLog
from handler.audit.open_log import POSTGRES, SQLITE, folder_at, open_log, open_source
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SCHEMA, translate_errors
from handler.audit.sql.sqlite_migration import migrate
from handler.audit.verification.verifier import require_valid_records
from handler.errors import LogError
from handler.values.obs_address import OBS
from handler.values.store_address import no_log

if TYPE_CHECKING:
    from handler.audit.log import Log
    from handler.audit.open_log import OpenPrefix
    from handler.audit.record import Part, Record
    from handler.audit.verification.verifier import Evidence

_HAS_RECORDS = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'records'"


def rebuild(
    address: str, *, actor: Part, evidence: Evidence, folders: OpenPrefix | None = None
) -> Record:
    """Rebuild all that is derived from a log's records, and record it, if the records are valid.

    Args:
        address: As for `open_log`.
        actor: Who asked for it.
        evidence: The checkpoints, and the head, that the records are compared with first.
        folders: As for `open_log`.

    Returns:
        The record of it.

    Raises:
        LogBrokenError: The records are damaged, or cut off at the end: nothing was rebuilt.
        LogError: There is no such log, or it cannot be used.
    """
    with closing(open_source(address, folders)) as source:
        require_valid_records(source, evidence)
        if address.startswith(OBS) and not source.end().seq:
            raise LogError(no_log(address))
    if address.startswith(SQLITE):
        _rebuild_file(Path(address.removeprefix(SQLITE)))
    if address.startswith(OBS):
        with closing(ObjectLog(folder_at(address, folders))) as log:
            done = _recorded(log, actor)
            log.rebuild_snapshot()
        return done
    if address.startswith(POSTGRES):
        _rebuild_database(address)
    with closing(open_log(address)) as log:
        return _recorded(log, actor)


def _rebuild_file(path: Path) -> None:
    if not path.is_file():
        raise LogError(f"there is no audit log at {path}")
    with (
        translate_errors(path),
        closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db,
    ):
        db.execute("PRAGMA secure_delete = ON")
        db.execute("BEGIN IMMEDIATE")
        if db.execute(_HAS_RECORDS).fetchone() is None:
            raise LogError(f"{path} holds no audit log")
        migrate(db, SCHEMA.read_text(encoding="utf-8"), place=str(path), rebuild=True)
        db.execute("COMMIT")


def _rebuild_database(address: str) -> None:
    from handler.audit.sql.postgres import PostgresLog
    from handler.audit.sql.postgres_connection import rebuild_derived as rebuild_owned

    if not rebuild_owned(address):
        with closing(PostgresLog(address)) as log:
            log.rebuild()


def _recorded(log: Log, actor: Part) -> Record:
    draft = Draft(
        action="log.rebuilt",
        outcome="success",
        actor=actor,
        note="what is derived from the records was rebuilt",
    )
    return log.commit(lambda _view: Decision(None, (draft,))).records[0]
