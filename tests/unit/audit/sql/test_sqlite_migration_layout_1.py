"""A log of layout 1, before runs were ordered by number and ends of jobs were counted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handler.audit import format_version
from handler.audit.job_end import shown_state
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
from handler.cli.audit.web.report_tables import open_report_tables
from tests.unit.audit.sql.test_sqlite_migration import folded
from tests.unit.audit.sql.test_sqlite_migration import rows as answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide

    Noted = Callable[..., Decide[str]]

LAYOUT_1 = Path(__file__).parents[1] / "logs" / "layout_1.sql"
HALL = "obs://nightdrop-drop/drop/hall.yaml"


@pytest.fixture
def old(path: Path) -> Path:
    """Two versions of one file, of which one failed; a refused tick, a result not written."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(LAYOUT_1.read_text())
    return path


def test_it_is_migrated_and_accepts_new_records(old: Path, noted: Noted) -> None:
    """The chain is valid before and after the next record."""
    with closing(SqliteLog(old)) as log:
        log.commit(noted("a"))
        verdict = verify(log.records())
    assert (verdict.whole, verdict.head.seq) == (True, 34)
    assert answers(old, "PRAGMA user_version") == [(format_version.VERSION,)]


def test_its_state_is_that_of_its_records(old: Path) -> None:
    """As if this code had written it from the first record on."""
    with closing(SqliteLog(old)) as log:
        jobs, deliveries = folded(log)
        assert {key: log.read(lambda view, key=key: view.job(key)) for key in jobs} == jobs  # type: ignore[misc]
        for key, delivery in deliveries.items():
            found = log.read(lambda view, key=key: view.delivery(key))  # type: ignore[misc]
            assert found
            assert found._replace(jobs=()) == delivery
    assert sorted(map(shown_state, jobs.values())) == [
        *("created", "deferred", "failed", "refused", "succeeded")
    ]


def test_its_runs_are_in_the_order_of_their_records(old: Path) -> None:
    """The number is that of the record that planned them."""
    with closing(SqliteLog(old)) as log:
        latest = log.read(lambda view: view.latest_run(HALL))
    assert latest
    assert (latest.seq, latest.changed) == (9, 14)


def test_a_result_file_that_was_not_written_is_tried_again_at_once(old: Path) -> None:
    """Its error is known from its record."""
    with closing(SqliteLog(old)) as log:
        (unwritten,) = log.read(lambda view: view.open(9).unreported)
    assert unwritten.subject.endswith("other.yaml")
    assert (unwritten.tries, unwritten.due_at) == (0, "")
    assert "403" in unwritten.result_error


def test_it_can_be_counted_without_a_migration(old: Path) -> None:
    """`audit stats` only reads, and shows how jobs ended nevertheless."""
    before = list(dump(old))
    with closing(open_report_tables(f"sqlite:///{old}")) as facts:
        shown = {row["shown"] for row in facts.query("SELECT shown FROM page.jobs")}
    assert shown == {"created", "deferred", "failed", "refused", "succeeded"}
    assert list(dump(old)) == before


def dump(path: Path) -> list[str]:
    """Return a file's content as statements."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())
