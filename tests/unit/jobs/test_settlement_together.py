"""Many jobs are settled by one list, one query of the log and one commit."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.ief.client import ListedJob
from handler.jobs.effects import Commit, Listing, ListJobs, SendSettings
from handler.jobs.settlement import CLOCK_SKEW, check_marks, settlement
from handler.specs.planner import mark_of
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.record import Part

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = SendSettings(seconds_per_request=12.0, settle_after=1200)
SENT = int(NOW.timestamp())
KEYS = tuple(letter * 52 for letter in "abcd")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A log with four jobs whose answers were lost, each sent a minute after the one before."""
    opened = SqliteLog(tmp_path / "audit.db", clock=lambda: NOW)
    opened.commit(lambda _view: Decision(None, tuple(unknown())))
    yield opened
    opened.close()


def unknown() -> Iterator[Draft]:
    """Yield the records of jobs whose answers were lost."""
    delivery: Part = {"key": "d", "trigger": "direct", "subject": "s"}
    yield Draft("delivery.planned", "pending", delivery=delivery)
    for number, key in enumerate(KEYS):
        job: Part = {"key": key, "name": f"job-{number}", "type": "node_upgrade", "document": 1}
        date = timestamp(NOW - timedelta(hours=1) + timedelta(minutes=number))
        request: Part = {"attempt": 1, "date": date, "lease_until": date}
        parts = {"delivery": {"key": "d"}, "job": job}
        yield Draft("job.planned", "pending", body="{}", **parts)  # type: ignore[arg-type]
        yield Draft("job.sending", "pending", request=request, **parts)  # type: ignore[arg-type]
        yield Draft("job.unknown", "unknown", **parts)  # type: ignore[arg-type]


def waiting(log: SqliteLog) -> tuple[JobState, ...]:
    """Return the jobs that are not settled."""
    return log.read(lambda view: view.open(10).jobs)


def listed(number: int, description: str = "") -> ListedJob:
    """Return one of our jobs as the API lists it."""
    marked = description or mark_of(KEYS[number])
    return ListedJob(f"id-{number}", f"job-{number}", "node_upgrade", marked, SENT, "Running")


def test_one_commit_records_the_conclusions_for_all_jobs(log: SqliteLog) -> None:
    """Two are found, one may be ours without its mark, one is absent."""
    before = log.read(lambda view: view.head).seq
    effects = settlement(waiting(log), SENDER)
    assert next(effects) == ListJobs("node_upgrade", NOW - timedelta(hours=1) - CLOCK_SKEW)
    found = (listed(0), listed(2), listed(3, "by hand"))
    effect = effects.send(Listing(found, NOW, complete=True))
    while isinstance(effect, Commit):
        value = log.commit(effect.decide).value
        try:
            effect = effects.send(value)
        except StopIteration:
            break
    records = [record.fields for record in log.records(before)]
    assert [(one["action"], one["job"]["name"]) for one in records] == [  # type: ignore[call-overload,index]
        ("job.adopted", "job-0"),
        ("job.absent", "job-1"),
        ("job.adopted", "job-2"),
        ("job.doubted", "job-3"),
    ]
    assert len({one["commit"] for one in records}) == 1


def test_foreign_jobs_are_looked_up_together(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other writers wait meanwhile: a fleet may hold thousands of other tools' jobs."""
    strangers = tuple(
        ListedJob(f"id-{number}", "other", "node_upgrade", "another tool's", 1, "Running")
        for number in range(100, 5100)
    )
    statements: list[str] = []
    execute = log._execute  # noqa: SLF001 - to count what the database is asked

    def counted(statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        statements.append(statement)
        return execute(statement, values)

    monkeypatch.setattr(log, "_execute", counted)
    log.commit(check_marks(Listing(strangers, NOW, complete=True)))
    assert len(statements) <= 12


def test_a_lost_mark_is_seen_among_thousands(log: SqliteLog) -> None:
    """Absence is not concluded any more."""
    created = Draft(
        "job.created",
        "success",
        delivery={"key": "d"},
        job={"key": KEYS[1]},
        response={"job_id": "id-1"},
    )
    log.commit(lambda _view: Decision(None, (created,)))
    strangers = [
        ListedJob(f"id-{number}", "other", "node_upgrade", "another tool's", 1, "Running")
        for number in range(100, 2100)
    ]
    jobs = (*strangers, listed(1, "edited by hand"))
    log.commit(check_marks(Listing(jobs, NOW, complete=True)))
    assert "job job-1" in log.read(lambda view: view.switch("suspension"))
