"""The circuit breaker: what failed on the fleet holds what is still to be sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cli.open_stores import open_any_log
from handler.cloud.ief.client import ShownJob
from handler.jobs.breaker import Breaker
from handler.jobs.decisions import claim
from handler.jobs.effects import Gone, SendSettings
from handler.jobs.following import finish
from handler.jobs.hold import hold, release
from handler.values.canonical_json import timestamp
from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.log import Log
    from handler.audit.record import Part

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = SendSettings(12.0, 1200.0, breaker=Breaker(0.5, 4))
OPERATOR = {"kind": "operator", "name": "kim"}


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock(NOW)


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[SqliteLog]:
    """An empty log."""
    log = SqliteLog(tmp_path / "audit.db", clock=clock)
    yield log
    log.close()


def create(log: Log, *keys: str) -> None:
    """Put jobs on the fleet."""
    planned = Draft("delivery.planned", "pending", {"key": f"d-{keys[0]}"})
    drafts = [planned]
    for key in keys:
        about: Part = {"key": key, "name": key, "type": "node_upgrade", "document": 1}
        drafts.append(Draft("job.planned", "pending", planned.delivery, job=about, body="{}"))
        message: Part = {"status": 201, "job_id": f"id-{key}"}
        drafts.append(
            Draft("job.created", "success", planned.delivery, job=about, response=message)
        )
    log.commit(lambda _: Decision(None, tuple(drafts)))


def job_of(log: Log, key: str) -> JobState:
    """Return a job in its present state."""
    job = log.read(lambda view: view.job(key))
    assert job
    return job


def end(log: Log, key: str, status: str = "Failed", sending: SendSettings = SENDER) -> list[str]:
    """Record the end of a job; return the actions that were recorded."""
    answer = ShownJob(f"id-{key}", status, ((status, ""),))
    done = log.commit(finish(job_of(log, key), answer, sending))
    return [str(record.fields["action"]) for record in done.records]


def held(log: Log) -> str:
    """Return why sending is held."""
    return log.read(lambda view: view.switch("hold"))


def fail_four(log: Log, *keys: str) -> None:
    """Have four jobs fail."""
    create(log, *keys)
    for key in keys:
        end(log, key)


def test_more_failures_than_the_share_hold_sending(log: SqliteLog) -> None:
    """By a record in the commit of the end that was too much, with the numbers in its reason."""
    create(log, *"abcdef")
    for key in "ab":
        end(log, key, "Successful")
    for key in "cd":
        assert end(log, key) == ["job.finished"]
    assert held(log) == ""
    assert end(log, "e") == ["job.finished", "sending.held"]
    finished, tripped = list(log.records())[-2:]
    assert finished.fields["commit"] == tripped.fields["commit"]
    assert (tripped.fields["outcome"], tripped.fields["actor"]) == (
        *("failure", {"kind": "circuit breaker"}),
    )
    assert held(log) == (
        "circuit breaker: 3 of 5 jobs that ended within the last hour failed on the fleet, more "
        "than NIGHTDROP_BREAKER=0.5 allows; find out why, then `nightdrop release`"
    )


def test_a_held_job_waits_with_the_reason(log: SqliteLog) -> None:
    """Nothing is claimed, so nothing is sent."""
    fail_four(log, *"abcd")
    waiting = Draft(
        "job.planned", "pending", {"key": "d-a"},
        job={"key": "w", "name": "w", "type": "node_upgrade", "document": 1}, body="{}",
    )  # fmt: skip
    log.commit(lambda _: Decision(None, (waiting,)))
    claimed = log.commit(claim("w", date=timestamp(NOW), lease=timedelta(60)))
    assert claimed.value.attempt == 0
    assert "circuit breaker: 4 of 4" in str(claimed.records[0].fields["note"])


def test_a_few_jobs_are_not_enough(log: SqliteLog) -> None:
    """And the one that makes them enough may be a success."""
    create(log, *"abcd")
    for key in "abc":
        assert end(log, key) == ["job.finished"]
    assert end(log, "d", "Successful") == ["job.finished", "sending.held"]


def test_what_ended_more_than_an_hour_ago_does_not_count(log: SqliteLog, clock: Clock) -> None:
    """Neither as an end nor as a failure."""
    create(log, *"abcd")
    for key in "abc":
        end(log, key)
    clock.now += timedelta(hours=1)
    assert end(log, "d") == ["job.finished"]


def test_a_job_that_was_deleted_counts_as_nothing(log: SqliteLog, clock: Clock) -> None:
    """It was deleted on the fleet by hand."""
    create(log, *"abcd")
    clock.now += timedelta(hours=2)
    for key in "abc":
        end(log, key)
    log.commit(finish(job_of(log, "d"), Gone(), SENDER))
    assert held(log) == ""


def test_a_hold_by_hand_stays_what_it_is(log: SqliteLog) -> None:
    """With its own reason, and its own release."""
    log.commit(hold("freeze", actor=OPERATOR))
    fail_four(log, *"abcd")
    assert held(log) == "freeze"


def test_the_same_failures_do_not_trip_it_again_after_the_release(log: SqliteLog) -> None:
    """Only what ends afterwards counts; also once the state was rebuilt."""
    fail_four(log, *"abcd")
    assert log.commit(release(actor=OPERATOR)).value[0].startswith("circuit breaker")
    log.rebuild()
    create(log, *"efgh")
    for key in "efg":
        assert end(log, key) == ["job.finished"]
    assert end(log, "h") == ["job.finished", "sending.held"]
    assert "4 of 4 jobs" in held(log)


def test_an_end_that_is_known_decides_nothing(log: SqliteLog) -> None:
    """Whoever asks twice does not hold what was released."""
    fail_four(log, *"abcd")
    log.commit(release(actor=OPERATOR))
    assert end(log, "d") == []
    assert held(log) == ""


def test_without_the_setting_nothing_is_held(log: SqliteLog) -> None:
    """However much fails."""
    create(log, *"abcd")
    for key in "abcd":
        assert end(log, key, sending=SENDER._replace(breaker=None)) == ["job.finished"]


def test_ends_that_are_recorded_side_by_side_hold_once(store_address: str) -> None:
    """None of four instances can miss that there are four failures."""
    with closing(open_any_log(store_address)) as log:
        create(log, *"abcd")

    def ended(key: str) -> list[str]:
        with closing(open_any_log(store_address)) as log:
            return end(log, key)

    with ThreadPoolExecutor(4) as instances:
        actions = sorted(instances.map(ended, "abcd"))
    assert actions == [*[["job.finished"]] * 3, ["job.finished", "sending.held"]]
