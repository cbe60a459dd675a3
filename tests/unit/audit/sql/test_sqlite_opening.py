"""Opening and closing the file of a log: what is refused, and what its tables look like."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest
from sqlite_utils import Database

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql import sqlite as module
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.errors import LogBrokenError, LogBusyError, LogError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.audit.log import Decide, View

Noted: TypeAlias = "Callable[..., Decide[str]]"
Planned: TypeAlias = "Callable[..., Decide[None]]"


def test_a_log_keeps_its_records_when_it_is_opened_again(path: Path, noted: Noted) -> None:
    """Another process continues where the one before stopped."""
    for _ in range(2):
        with closing(SqliteLog(path)) as log:
            log.commit(noted("a"))
    with closing(SqliteLog(path)) as log:
        assert verify(log.records()).head.seq == 2


def test_a_log_is_opened_again_without_a_write(path: Path, noted: Noted) -> None:
    """A cold start does not wait for the disk."""
    with closing(SqliteLog(path)) as log:
        log.commit(noted("a"))
    before = path.read_bytes()
    with closing(SqliteLog(path)):
        assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    assert path.read_bytes() == before


def test_a_busy_log_cannot_be_opened_for_a_while(path: Path) -> None:
    """The same error for every process."""
    SqliteLog(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogBusyError):
            SqliteLog(path, lock_timeout=0.1)


def test_opening_a_new_file_under_a_foreign_lock_fails_after_a_while(path: Path) -> None:
    """Switching to the write-ahead log has a bound as well."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LogBusyError):
            SqliteLog(path, lock_timeout=0.1)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """And left as it was."""
    path.write_text("these are my notes, " * 100)
    with pytest.raises(LogBrokenError, match=r"not an audit log.*name another file"):
        SqliteLog(path, lock_timeout=0.1)
    assert path.read_text().startswith("these are my notes")


def test_a_missing_folder_is_refused(path: Path) -> None:
    """The message says what must exist."""
    with pytest.raises(LogError, match="in an existing, writable folder"):
        SqliteLog(path.parent / "missing" / "audit.db", lock_timeout=0.1)


@pytest.mark.parametrize("fault", ["database or disk is full", "disk I/O error"])
def test_a_full_disk_is_reported_as_such(path: Path, fault: str) -> None:
    """The file and its folder are as they must be, so the message does not mention them."""
    with (
        pytest.raises(LogError, match=f"{fault}; free space on its disk") as caught,
        module.translate_errors(path),
    ):
        raise sqlite3.OperationalError(fault)
    assert "folder" not in str(caught.value)


def test_a_folder_is_no_log(path: Path) -> None:
    """It is refused like a missing one."""
    with pytest.raises(LogError, match="it must be a writable file"):
        SqliteLog(path.parent, lock_timeout=0.1)


def test_memory_is_no_address_for_a_log() -> None:
    """It has no write-ahead log and survives nothing."""
    with pytest.raises(LogError, match="name a file"):
        SqliteLog(":memory:", lock_timeout=0.1)


@pytest.mark.parametrize("table", ["jobs", "customers"])
def test_a_database_of_something_else_is_refused(path: Path, table: str) -> None:
    """Its tables are not touched, and none is added."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"CREATE TABLE {table} (id INTEGER)")
    with pytest.raises(LogError, match="is a database of another program"):
        SqliteLog(path, lock_timeout=0.1)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [(table,)]


def test_a_closed_log_raises_an_error(path: Path, noted: Noted) -> None:
    """And may be closed again."""
    log = SqliteLog(path)
    log.close()
    log.close()
    for use in (
        lambda: log.commit(noted("a")),
        lambda: log.bodies(["j"]),
        lambda: list(log.records()),
    ):
        with pytest.raises(LogError, match="closed"):
            use()


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not know what STRICT means."""
    monkeypatch.setattr(module, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(LogError, match="too old"):
        SqliteLog(path)


def test_sqlite_utils_shows_tables_that_make_sense(
    log: SqliteLog, planned: Planned, path: Path
) -> None:
    """An operator who has never seen the code finds typed columns and readable lines."""
    log.commit(planned("d" * 52, "j" * 52))
    database = Database(path)
    tables = {"records", "deliveries", "jobs", "rollouts", "rollout_nodes", "outbox", "switches"}
    assert set(database.table_names()) == tables
    assert set(database.view_names()) == {"trail", "job_story"}
    assert all(database.table(name).strict for name in tables)
    columns = database.table("jobs").columns_dict
    assert (columns["key"], columns["attempt"], columns["planned_at"]) == (str, int, str)
    trail = list(database.query("SELECT seq, at, action, delivery, job_name FROM trail"))
    assert [line["action"] for line in trail] == ["delivery.planned", "job.planned"]
    assert (trail[1]["seq"], trail[1]["delivery"]) == (2, "d" * 16)
    (story,) = database.query("SELECT * FROM job_story")
    assert (story["state"], story["subject"], story["attempts"]) == ("planned", "obs://b/k", 0)
    database.close()


def test_a_full_disk_is_not_reported_as_a_wrong_address(path: Path) -> None:
    """The remedy is to make room."""
    with closing(SqliteLog(path)) as log:

        def fill(view: View) -> Decision[None]:
            view.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined] # a view in SQL
            return Decision(None, (Draft("sending.held", "success", note="x" * 10**6),))

        with pytest.raises(LogError, match="is full; free space on its disk") as caught:
            log.commit(fill)
        assert "folder" not in str(caught.value)
        assert list(log.records()) == []
