"""Logs written before the code was split into packages, in each store, are continued by this code.

`logs/layout_2*` are four nights of `tests/support/month.py`: deferred, refused and adopted jobs,
rejected files, closed runs, and for the log in OBS seven ended segments.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from handler.audit.checkpoints.folder_store import CheckpointFolder
from handler.audit.objects.log import ObjectLog
from handler.audit.open_log import init_log, open_log, open_source
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.sources.objects import ObjectsSource
from handler.audit.verification.verifier import Evidence, verify_log
from tests.support.memory_objects import MemoryObjects, StoredObjects
from tests.support.postgres_server import ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide, Log
    from handler.audit.verification.verdict import Verdict
    from tests.support.postgres_server import PostgresServer

    Noted = Callable[..., Decide[str]]

LOGS = Path(__file__).parent / "logs"
RECORDS = 207
SEGMENTS_ENDED = 7
CHECKPOINT = "000000000206-507c0e977ade3722-20261030T011202695594Z.checkpoint"
TABLES = ("records", "deliveries", "jobs", "outbox", "switches")


@pytest.fixture
def sqlite_file(path: Path) -> Path:
    """The kept log in SQLite."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((LOGS / "layout_2.sql").read_text())
    return path


def check_continues(log: Log, noted: Noted, records: int = RECORDS) -> None:
    """Check that a stored log is unchanged, and that it accepts another record."""
    waiting = log.read(lambda view: view.open(10))
    assert [job.state for job in waiting.jobs] == ["deferred"]
    first = next(iter(log.records()))
    record = log.commit(noted("continued")).records[0]
    assert (first.seq, record.seq) == (1, records + 1)
    [run] = [
        run
        for run in map(json.loads, (one.text for one in log.records()))
        if run["action"] == "delivery.planned" and run["seq"] < 20
    ][:1]
    found = log.read(lambda view: view.delivery(run["delivery"]["key"]))
    assert found
    assert found.jobs


def assert_valid(verdict: Verdict) -> None:
    """Check that verification finds nothing wrong, with the record that was added."""
    assert verdict.faults == ()
    assert verdict.head.seq > RECORDS


def test_a_stored_log_in_sqlite_is_continued_and_verifies(
    sqlite_file: Path, noted: Noted, tmp_path: Path
) -> None:
    """Its checkpoint still confirms the records it was written for."""
    with closing(SqliteLog(sqlite_file)) as log:
        check_continues(log, noted)
    kept = tmp_path / "checkpoints"
    kept.mkdir()
    (kept / CHECKPOINT).write_bytes((LOGS / "layout_2_checkpoint.txt").read_bytes())
    address = f"sqlite:///{sqlite_file}"
    with closing(open_source(address)) as source:
        verdict = verify_log(source, Evidence([CheckpointFolder(kept)]))
    assert_valid(verdict)
    assert verdict.confirmed == 206


def test_a_stored_log_in_postgresql_is_continued_and_verifies(
    sqlite_file: Path, postgres_server: PostgresServer, noted: Noted
) -> None:
    """The tables of that time hold what its code wrote; `audit init` brings them up to date."""
    name = postgres_server.create()
    with (
        closing(sqlite3.connect(sqlite_file)) as kept,
        psycopg.connect(postgres_server.address(name), autocommit=True) as db,
    ):
        db.execute((LOGS / "layout_2_postgres.sql").read_bytes())
        for table in TABLES:
            rows = kept.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
            for row in rows:
                marks = ", ".join(["%s"] * len(row))
                put = f"INSERT INTO nightdrop.{table} VALUES ({marks})"  # noqa: S608 - our own names
                db.execute(put.encode(), row)
    init_log(postgres_server.address(name), ROLE)
    with closing(open_log(postgres_server.address(name, ROLE))) as log:
        check_continues(log, noted)
    address = postgres_server.address(name)
    with closing(open_source(address)) as source:
        assert_valid(verify_log(source, Evidence()))


def test_a_stored_log_in_obs_is_continued_and_verifies(noted: Noted) -> None:
    """Its snapshots and tables of closed runs are of another version, or still of this one."""
    kept = json.loads((LOGS / "layout_2_objects.json").read_text())
    objects = {name: base64.b64decode(data) for name, data in kept.items()}
    written = {name for name in objects if not name.startswith("records/")}
    bucket = StoredObjects(objects=objects, put=written)
    with closing(ObjectLog(MemoryObjects(bucket))) as log:
        check_continues(log, noted, RECORDS + SEGMENTS_ENDED)
    with closing(ObjectsSource(MemoryObjects(bucket))) as source:
        assert_valid(verify_log(source, Evidence()))
