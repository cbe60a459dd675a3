"""A claim on a log whose state was tampered with: nothing is sent, and it is reported."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.actions import ATTENTION
from handler.audit.open_log import open_log
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.open_stores import open_any_log
from handler.jobs.claiming import claim_planned
from handler.values.canonical_json import sha256_hex, timestamp
from tests.support.long_log import recording, run_records

if TYPE_CHECKING:
    from pathlib import Path

    from handler.audit.log import Log
    from handler.audit.record import Record
    from handler.jobs.decisions import Claim
    from tests.support.postgres_server import PostgresServer

AGAIN = "UPDATE {}jobs SET state = 'planned', todo = 'send', job_id = ''"
NOW = timestamp(datetime.now(timezone.utc))


def claimed(log: Log) -> tuple[Claim, tuple[Record, ...]]:
    """Claim the job; return the result, and the recorded actions."""
    drafts = list(run_records("one"))
    body = str(drafts[2].body)
    decide = claim_planned(str(drafts[2].job["key"]), body=body, date=NOW, lease=timedelta(60))
    done = log.commit(decide)
    return done.value, done.records


def test_a_created_job_that_was_reset_is_not_sent_again(tmp_path: Path) -> None:
    """Its latest record says that it was created; the alarm is no record about the job."""
    path = tmp_path / "audit.db"
    with closing(SqliteLog(path)) as log:
        log.commit(recording(list(run_records("one"))))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(AGAIN.format(""))
        claim, (record,) = claimed(log)
        assert (claim.attempt, record.fields["action"]) == (0, "state.contradicted")
        assert {"delivery", "job"}.isdisjoint(record.fields)
        assert "nightdrop audit rebuild" in str(record.fields["note"])
        assert record.fields["action"] in ATTENTION
        log.rebuild()
        assert claimed(log)[0].job.state == "created"


def test_a_body_that_was_exchanged_with_its_digest_is_not_sent(tmp_path: Path) -> None:
    """The recorded digest counts, not the one in the table."""
    path = tmp_path / "audit.db"
    drafts = list(run_records("one"))[:3]
    other = '{"job_name": "another"}'
    with closing(SqliteLog(path)) as log:
        log.commit(recording(drafts))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE outbox SET body = ?", (other,))
            db.execute("UPDATE jobs SET body_digest = ?", (sha256_hex(other),))
        key, lease = str(drafts[2].job["key"]), timedelta(60)
        decide = claim_planned(key, body=other, date=NOW, lease=lease)
        claim, (record,) = (done := log.commit(decide)).value, done.records
        assert (claim.attempt, record.fields["action"]) == (0, "state.contradicted")


def test_a_contradicted_state_is_reported_once_until_it_is_rebuilt(store_address: str) -> None:
    """Every reconciler run reads the job; another contradiction, or one after a rebuild, is new."""
    notes = ("job 1 differs", "job 2 differs")
    drafts = [Draft("state.contradicted", "failure", note=note) for note in notes]
    seen = []
    with closing(open_any_log(store_address)) as log:
        for draft in (drafts[0], Draft("log.rebuilt", "success"), drafts[1]):
            log.commit(recording([draft]))
            seen.append(log.read(lambda view: [view.is_contradicted(note) for note in notes]))
    assert seen == [[True, False], [False, False], [False, True]]


def test_the_second_claim_of_a_contradicted_job_records_nothing(tmp_path: Path) -> None:
    """The alarm has been raised."""
    path = tmp_path / "audit.db"
    with closing(SqliteLog(path)) as log:
        log.commit(recording(list(run_records("one"))))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(AGAIN.format(""))
        assert [len(claimed(log)[1]) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("seq", [1, 999])
def test_a_job_whose_latest_record_is_of_another_job_is_not_sent(tmp_path: Path, seq: int) -> None:
    """Or does not exist."""
    path = tmp_path / "audit.db"
    with closing(SqliteLog(path)) as log:
        log.commit(recording(list(run_records("one"))[:3]))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE jobs SET seq = ?", (seq,))
        assert claimed(log)[0].attempt == 0
        log.rebuild()
        assert claimed(log)[0].attempt == 1


def test_postgresql_does_not_send_it_again_either(
    postgres_server: PostgresServer, postgres_database: str, postgres_address: str
) -> None:
    """Reading the record costs one more query at each claim."""
    with closing(open_log(postgres_address)) as log:
        log.commit(recording(list(run_records("one"))))
        postgres_server.run(postgres_database, AGAIN.format("nightdrop."))
        assert claimed(log)[0].attempt == 0


def test_every_state_of_a_month_matches_its_latest_record(month: Path, tmp_path: Path) -> None:
    """No job of a month would be held back by mistake."""
    with closing(SqliteLog(shutil.copy(month, tmp_path / "month.db"))) as log:
        keys = log.read(lambda view: [key for (key,) in view.execute("SELECT key FROM jobs")])  # type: ignore[attr-defined] # a view in SQL
        states = log.read(lambda view: [view.job(key) for key in keys])
        matches = log.read(lambda view: [view.matches_record(job) for job in states if job])
    assert len(matches) > 50
    assert all(matches)
