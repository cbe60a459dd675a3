"""A log that an older or a newer version of this code has written."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from handler.audit import format_version
from handler.audit.job_state import JobState, fold_job
from handler.audit.record import part
from handler.audit.sql.sqlite import SCHEMA, SqliteLog
from handler.audit.sql.sqlite_migration import migrate, version_of
from handler.audit.state import DeliveryState, fold_delivery
from handler.audit.verification.verdict import verify
from handler.errors import LogError, LogOutdatedError
from handler.values.canonical_json import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide

Noted: TypeAlias = "Callable[..., Decide[str]]"
Rows: TypeAlias = "list[tuple[Any, ...]]"

FIRST = Path(__file__).parents[1] / "logs" / "first.sql"
SQL_FILES = (SCHEMA, SCHEMA.with_name("postgres.sql"))
LAYOUTS = {
    1: "6ffbb7ba49af7e6e",
    2: "39cabf9718db817a",
    3: "0d64947e7ce55761",
    4: "673f33cd8228b170",
    5: "1112edb339484012",
    6: "8b48006bb3b4353a",
    7: "19481e90f05f0f9a",
    8: "fb06d98998419bb6",
    9: "4692bcc05cab329f",
    10: "62205163c3400ed3",
    11: "0052dbb222fba57d",
    12: "0052dbb222fba57d",
}
RECORDS = "SELECT * FROM records ORDER BY seq"
# A file of layout 6 or before keeps the index that `hash` had.
PARTS = """SELECT type, name, tbl_name, replace(sql, ' UNIQUE,', ',       ') FROM sqlite_master
WHERE name <> 'sqlite_autoindex_records_1' ORDER BY 1, 2"""


@pytest.fixture
def old(path: Path) -> Path:
    """A log as the very first version left it: jobs created, refused, waiting and unknown."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST.read_text())
    return path


def rows(path: Path, question: str) -> Rows:
    """Return the rows of a query on a file."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(question).fetchall()


def set_version(path: Path, number: int) -> None:
    """Make a file of some version."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {number}")


def folded(log: SqliteLog) -> tuple[dict[str, JobState], dict[str, DeliveryState]]:
    """Return the states folded from a log's records, without any table."""
    jobs: dict[str, JobState] = {}
    deliveries: dict[str, DeliveryState] = {}
    for record in log.records():
        fields = record.fields
        if str(fields["action"]).startswith("job."):
            key = str(part(fields, "job")["key"])
            if job := fold_job(jobs.get(key), fields):
                jobs[key] = job
        if "delivery" in fields:
            key = str(part(fields, "delivery")["key"])
            if delivery := fold_delivery(deliveries.get(key), fields):
                deliveries[key] = delivery
    return jobs, deliveries


def test_an_old_log_is_migrated_when_it_is_opened(old: Path, tmp_path: Path) -> None:
    """With every table, view and trigger as in a new file, and the version in it."""
    SqliteLog(old).close()
    SqliteLog(tmp_path / "new.db").close()
    assert rows(old, PARTS) == rows(tmp_path / "new.db", PARTS)
    assert rows(old, "PRAGMA user_version") == [(format_version.VERSION,)]


def test_the_records_of_an_old_log_are_not_touched(old: Path) -> None:
    """Byte for byte the same chain, and it is valid."""
    before = rows(old, RECORDS)
    with closing(SqliteLog(old)) as log:
        verdict = verify(log.records())
    assert (verdict.whole, verdict.head.seq) == (True, 45)
    assert rows(old, RECORDS) == before


def test_the_state_of_an_old_log_is_that_of_its_records(old: Path) -> None:
    """As if this code had written it from the first record on."""
    with closing(SqliteLog(old)) as log:
        jobs, deliveries = folded(log)
        assert {key: log.read(lambda view, key=key: view.job(key)) for key in jobs} == jobs  # type: ignore[misc]
        for key, delivery in deliveries.items():
            found = log.read(lambda view, key=key: view.delivery(key))  # type: ignore[misc]
            assert found
            assert found._replace(jobs=()) == delivery
    assert sorted(job.state for job in jobs.values()) == [
        *("created", "created", "created", "deferred", "refused", "unknown")
    ]
    assert len(deliveries) == len(rows(old, "SELECT 1 FROM deliveries")) == 10


def test_a_waiting_job_in_an_old_log_can_still_be_sent(old: Path) -> None:
    """The bodies are only in the outbox, under another name then."""
    before: dict[str, str] = dict(rows(old, "SELECT job, body FROM outbox"))
    with closing(SqliteLog(old)) as log:
        waiting = log.read(lambda view: view.open(10).jobs)
        assert {job.state for job in waiting} == {"deferred", "unknown"}
        assert {job.key: log.bodies([job.key]).get(job.key) for job in waiting} == before


def test_an_old_log_accepts_new_records(old: Path, noted: Noted) -> None:
    """The next record follows the last of the older code."""
    with closing(SqliteLog(old)) as log:
        log.commit(noted("a"))
        verdict = verify(log.records())
    assert (verdict.whole, verdict.head.seq) == (True, 46)


def test_many_may_open_an_old_log_at_once(old: Path) -> None:
    """One of them does the work; the others wait for it."""
    with ThreadPoolExecutor(8) as threads:
        for log in threads.map(lambda _: SqliteLog(old), range(8)):
            log.close()
    assert len(rows(old, "SELECT 1 FROM jobs")) == 6


def test_an_upgrade_that_fails_leaves_the_old_log_as_it_was(old: Path) -> None:
    """It is one transaction."""
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        before = list(db.iterdump())
        db.execute("BEGIN IMMEDIATE")
        broken = f"{SCHEMA.read_text()}\nCREATE TABLE of what;\n"
        with pytest.raises(sqlite3.OperationalError, match="syntax"):
            migrate(db, broken, place="a.db")
        db.execute("ROLLBACK")
        assert list(db.iterdump()) == before


def test_rolling_back_migrates_a_newer_log(old: Path) -> None:
    """This code rebuilds everything that the newer code derived from the records."""
    SqliteLog(old).close()
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("ALTER TABLE jobs ADD COLUMN news TEXT NOT NULL DEFAULT ''")
        db.execute(f"PRAGMA user_version = {format_version.VERSION + 1}")
    with closing(SqliteLog(old)) as log:
        waiting = log.read(lambda view: view.open(10).jobs)
        assert {job.state for job in waiting} == {"deferred", "unknown"}
    assert not [row for row in rows(old, "PRAGMA table_info(jobs)") if row[1] == "news"]


def test_a_log_whose_records_have_a_new_meaning_is_refused(old: Path) -> None:
    """The message says which version to deploy, and nothing is changed."""
    set_version(old, format_version.VERSION + 1000)
    before = rows(old, PARTS)
    with pytest.raises(LogError, match=r"later Nightdrop \(form 2.*deploy that version again"):
        SqliteLog(old)
    assert rows(old, PARTS) == before


def test_a_database_with_a_version_of_its_own_is_refused(path: Path) -> None:
    """It belongs to something else."""
    set_version(path, 7)
    with pytest.raises(LogError, match="another program"):
        SqliteLog(path)
    assert rows(path, PARTS) == []


def test_records_of_another_kind_are_refused(path: Path) -> None:
    """Before any table is dropped."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("CREATE TABLE records (song TEXT); CREATE TABLE jobs (id INTEGER)")
    before = rows(path, PARTS)
    with pytest.raises(LogError, match="no such column"):
        SqliteLog(path)
    assert rows(path, PARTS) == before


def test_a_log_that_was_migrated_meanwhile_accepts_no_more(path: Path, noted: Noted) -> None:
    """An instance of another version must not write into tables it does not know."""
    with closing(SqliteLog(path)) as log:
        log.commit(noted("a"))
        set_version(path, format_version.VERSION + 1)
        with pytest.raises(LogOutdatedError, match="another version"):
            log.commit(noted("b"))
        with pytest.raises(LogOutdatedError):
            log.read(lambda view: view.head)
    assert LogOutdatedError.retryable
    assert len(rows(path, RECORDS)) == 1


def test_a_new_log_holds_its_version(path: Path) -> None:
    """So that a later version can read it."""
    SqliteLog(path).close()
    with closing(sqlite3.connect(path)) as db:
        assert version_of(db) == format_version.VERSION


def test_a_changed_layout_has_a_new_number() -> None:
    """Raise LAYOUT in `audit/format_version.py`, then add number and digest to LAYOUTS above."""
    text = "".join(file.read_text() for file in SQL_FILES)
    assert LAYOUTS.get(format_version.LAYOUT) == sha256_hex(text)[:16]
