"""The checks of the log and of the open work in it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.job_state import JobState
from handler.audit.log import Decision, Open
from handler.audit.record import Draft, Head
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.state import DeliveryState
from handler.doctor.check_log import LAST, LogStatus, first_invalid, log_findings, read_log_status
from handler.errors import LogError
from handler.settings import Settings
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.record import Part


NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
LONG_AGO = timestamp(NOW - timedelta(hours=5))
JUST_NOW = timestamp(NOW - timedelta(minutes=5))
SETTINGS = Settings.model_validate({"project_id": "p", "audit": "sqlite:///a.db"})
WELL = LogStatus(Head(7, "h" * 64), 0, "", "", Open((), (), (), ()), NOW, NOW)
JOB = JobState("j", "d", 1, "nightly-a", "node_upgrade", "deferred", changed_at=LONG_AGO)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A log with a few records."""
    with closing(SqliteLog(tmp_path / "a.db")) as opened:
        for note in ("one", "two", "three"):
            draft = Draft("log.noted", "success", note=note)
            opened.commit(lambda _view, draft=draft: Decision(None, (draft,)))  # type: ignore[misc]
        yield opened


def verdicts(seen: LogStatus | LogError) -> dict[str, str]:
    """Return the verdict on each check that found something."""
    found = log_findings(seen, SETTINGS)
    return {one.check: one.verdict for one in found if one.verdict != "ok"}


def open_work(
    deliveries: tuple[DeliveryState, ...] = (),
    jobs: tuple[JobState, ...] = (),
    followed: tuple[JobState, ...] = (),
) -> LogStatus:
    """Return a valid log with this open work."""
    return replace(WELL, open=Open(deliveries, jobs, followed, ()))


def test_a_valid_log_is_reported(log: SqliteLog) -> None:
    """How long it is, and that its end is valid."""
    seen = read_log_status(log, datetime.now(timezone.utc))
    found = [*log_findings(seen, SETTINGS)]
    assert [one.verdict for one in found] == ["ok", "ok"]
    assert found[0].message.startswith("3 records, the last 3 valid, head ")


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    """Every log starts empty."""
    with closing(SqliteLog(tmp_path / "b.db")) as empty:
        seen = read_log_status(empty, datetime.now(timezone.utc))
    assert next(iter(log_findings(seen, SETTINGS))).message == "it is empty"


def test_a_log_that_cannot_be_read_is_a_fault() -> None:
    """The reason is the log's own."""
    (found,) = log_findings(LogError("no audit log there"), SETTINGS)
    assert (found.verdict, found.message) == ("fail", "no audit log there")


def test_a_broken_end_is_found(log: SqliteLog) -> None:
    """A changed text, a missing record, a record of another chain."""
    records = list(log.records())
    assert first_invalid(records) == 0
    assert first_invalid([]) == 0
    assert first_invalid([records[0], records[1]._replace(text="{}"), records[2]]) == 2
    assert first_invalid([records[0], records[2]]) == 3
    assert first_invalid([records[0]._replace(hash="0" * 64), *records[1:]]) == 1
    assert verdicts(replace(WELL, invalid=2)) == {"log": "fail"}


def test_only_the_end_of_a_long_log_is_looked_at(tmp_path: Path) -> None:
    """The first of the records that are read has nothing before it to follow."""
    with closing(SqliteLog(tmp_path / "b.db")) as log:
        drafts = tuple(Draft("log.noted", "success", note="n") for _ in range(LAST + 5))
        log.commit(lambda _view: Decision(None, drafts))
        seen = read_log_status(log, datetime.now(timezone.utc))
    assert (seen.invalid, seen.head.seq) == (0, LAST + 5)


def test_a_hold_is_reported_with_its_reason() -> None:
    """It may have been forgotten."""
    found = [*log_findings(replace(WELL, hold="freeze", suspension="no marks"), SETTINGS)]
    assert [str(one).partition(";")[0] for one in found if one.check == "hold"] == [
        "hold: sending is on hold: freeze",
        "hold: settling is suspended: no marks",
    ]


def test_the_logs_clock_may_be_wrong() -> None:
    """Leases are counted by it."""
    assert verdicts(replace(WELL, own=NOW + timedelta(seconds=40))) == {"log's clock": "warn"}


def test_fresh_work_is_reported() -> None:
    """The reconciler will do it."""
    fresh = JOB._replace(changed_at=JUST_NOW)
    seen = open_work(jobs=(fresh, fresh._replace(state="unknown")), followed=(fresh,))
    (_, work) = log_findings(seen, SETTINGS)
    assert (work.verdict, work.message) == (
        "ok",
        "0 deliveries undecided, 2 jobs to send or settle (1 unknown), 1 on the fleet",
    )


def test_one_open_thing_of_a_kind_is_in_the_singular() -> None:
    """As in a sentence that a person writes."""
    fresh = JOB._replace(changed_at=JUST_NOW)
    (_, work) = log_findings(open_work(jobs=(fresh,)), SETTINGS)
    assert "0 deliveries undecided, 1 job to send or settle (" in work.message


def test_jobs_that_wait_too_long_show_that_no_reconciler_runs() -> None:
    """The oldest is named, with why it waits."""
    seen = open_work(jobs=(JOB._replace(note="no keys"), JOB._replace(changed_at=JUST_NOW)))
    (_, work) = log_findings(seen, SETTINGS)
    assert work.verdict == "warn"
    assert f"nightly-a has been deferred since {LONG_AGO} (no keys)" in work.message
    assert "reconcile" in work.remedy


def test_while_sending_is_held_jobs_may_wait() -> None:
    """Only the hold is reported."""
    seen = replace(open_work(jobs=(JOB,)), hold="freeze")
    assert verdicts(seen) == {"hold": "warn"}


def test_jobs_that_were_not_followed_show_the_same() -> None:
    """A job ends after ten minutes at the latest."""
    assert verdicts(open_work(followed=(JOB._replace(state="created"),))) == {"work": "warn"}


def test_a_delivery_that_is_never_decided_is_found() -> None:
    """Its body may be gone, with an older version of the log."""
    old = DeliveryState("d", "object", "obs://b/k", "received", touched_at=LONG_AGO)
    assert verdicts(open_work((old,))) == {"work": "warn"}
    assert verdicts(open_work((old._replace(touched_at=JUST_NOW),))) == {}


def ended(name: str, final: str) -> tuple[Draft, ...]:
    """Return the records of a job that ended on the fleet."""
    delivery: Part = {"key": f"d-{name}", "trigger": "direct", "subject": "s"}
    draft = Draft(
        "job.planned",
        "success",
        {"key": f"d-{name}"},
        job={"key": name, "name": name, "type": "node_upgrade", "document": 1},
    )
    return (
        Draft("delivery.planned", "pending", delivery),
        draft,
        draft._replace(action="job.created", response={"job_id": f"id-{name}"}),
        draft._replace(action="job.finished", response={"final": final}, note="no disk"),
    )


def test_jobs_that_failed_on_the_fleet_in_the_last_day_are_reported(tmp_path: Path) -> None:
    """However much was recorded since; older ones and successful ones are left out."""
    clock = [NOW - timedelta(days=1, seconds=1)]
    with closing(SqliteLog(tmp_path / "b.db", clock=lambda: clock[0])) as opened:
        opened.commit(lambda _view: Decision(None, ended("long-ago", "Failed")))
        clock[0] = NOW
        for name, final in (("a", "Failed"), ("b", "Successful"), ("c", "Failed")):
            opened.commit(lambda _view: Decision(None, ended(name, final)))  # noqa: B023 - run at once
        noted = (Draft("log.noted", "success"),) * LAST
        opened.commit(lambda _view: Decision(None, noted))
        seen = read_log_status(opened, NOW)
    assert [job.name for job in seen.failed] == ["c", "a"]
    (finding,) = [one for one in log_findings(seen, SETTINGS) if one.check == "fleet's jobs"]
    assert finding.verdict != "ok"
    assert "2 jobs failed on the fleet in the last day; job c failed" in finding.message


def test_result_files_that_cannot_be_written_are_reported() -> None:
    """With the path and the reason; one that is only late is not."""
    late = DeliveryState("d", "object", "obs://b/k", "planned", changed=2)
    failed = late._replace(result_error="AccessDenied")
    assert verdicts(replace(WELL, open=Open((), (), (), (late,)))) == {}
    assert "work" in verdicts(replace(WELL, open=Open((), (), (), (failed,))))
