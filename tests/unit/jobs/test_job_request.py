"""Abandoning a job: what is answered where that is not possible."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from handler.audit.sql.sqlite import SqliteLog
from handler.jobs.decisions import claim
from handler.jobs.job_request import abandon_job
from handler.values.canonical_json import timestamp
from tests.support.clock import Clock
from tests.support.long_log import recording, run_records

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)


def test_a_job_that_is_being_sent_is_not_abandoned_before_a_time_that_is_given(
    tmp_path: Path,
) -> None:
    """Until its lease ends an answer may still come; after that it is abandoned."""
    clock = Clock(NOW)
    planned = list(run_records("one"))[:3]
    with closing(SqliteLog(tmp_path / "audit.db", clock=clock)) as log:
        log.commit(recording(planned))
        lease = timedelta(minutes=5)
        sent = log.commit(claim(str(planned[2].job["key"]), date=timestamp(NOW), lease=lease)).value
        said = abandon_job(sent.job, "", {"kind": "operator"}, log)
        assert (said.outcome, "abandoned" in said.sentence) == ("not done", True)
        assert "until 2026-11-24T02:05:00Z at the latest; try again after that" in said.sentence
        clock.now += lease
        assert abandon_job(sent.job, "", {"kind": "operator"}, log).outcome == "done"
