"""Result files: one writer at a time, no old one left over a newer one, failures reported once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.retention import forget
from handler.audit.sql.sqlite import SqliteLog
from handler.deliveries.reporting import LONGEST_PAUSE, StartedResult, record_result, start_result
from handler.errors import NoAnswerError, ObjectError
from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.record import Part
    from handler.audit.state import DeliveryState

NOW = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
PAUSE = timedelta(minutes=20)
REFUSED = ObjectError("obs://b/k: the agency may not write it")


@pytest.fixture
def clock() -> Clock:
    """The log's clock."""
    return Clock(NOW)


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[SqliteLog]:
    """A log with one planned delivery of an object."""
    opened = SqliteLog(tmp_path / "audit.db", clock=clock)
    about = {"key": "d", "trigger": "object", "subject": "obs://b/k"}
    job: Part = {"key": "j", "name": "n", "type": "node_upgrade", "document": 1}
    add(
        opened,
        Draft("delivery.planned", "pending", about),
        Draft("job.planned", "pending", {"key": "d"}, job=job, body="{}"),
    )
    yield opened
    opened.close()


def add(log: SqliteLog, *drafts: Draft) -> None:
    """Record these."""
    log.commit(lambda _view: Decision(None, drafts))


def begin(log: SqliteLog, key: str = "d") -> StartedResult | None:
    """Start to write the result file, if it may be written."""
    started = log.commit(start_result(key, PAUSE)).value
    return started if isinstance(started, StartedResult) else None


def keep(log: SqliteLog, started: StartedResult | None, error: Any = None) -> list[str]:  # noqa: ANN401 - an error or None
    """Record the result; return the recorded actions."""
    assert started
    done = log.commit(record_result(started, error))
    return [str(record.fields["action"]) for record in done.records]


def unreported(log: SqliteLog) -> list[DeliveryState]:
    """Return the deliveries whose result file does not show their state."""
    return list(log.read(lambda view: view.open(9).unreported))


def test_while_one_instance_writes_no_other_does(log: SqliteLog, clock: Clock) -> None:
    """Not before its file can no longer arrive: it was signed before it started."""
    assert begin(log)
    assert begin(log) is None
    clock.now += PAUSE - timedelta(seconds=1)
    assert begin(log) is None
    clock.now += timedelta(seconds=1)
    assert begin(log)


def test_the_file_of_a_killed_writer_is_written_again(log: SqliteLog, clock: Clock) -> None:
    """It may have left an old file over a newer one."""
    started = begin(log)
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    clock.now += PAUSE
    again = begin(log)
    assert started
    assert again
    assert again.run.changed > started.run.changed
    assert keep(log, again) == ["result.written"]
    assert unreported(log) == []


def test_a_file_that_was_written_late_is_written_again_at_once(
    log: SqliteLog, clock: Clock
) -> None:
    """The late writer records the state that its file shows."""
    late = begin(log)
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    clock.now += PAUSE
    keep(log, begin(log))
    keep(log, late)
    assert [run.key for run in unreported(log)] == ["d"]
    assert begin(log)


@pytest.mark.parametrize("error", [None, REFUSED], ids=["written", "refused"])
def test_a_late_result_does_not_end_the_attempt_of_another(
    log: SqliteLog, clock: Clock, error: ObjectError | None
) -> None:
    """The file of that one may still come, over whatever a third would write meanwhile."""
    late = begin(log)
    clock.now += PAUSE
    assert begin(log)
    assert late
    assert log.commit(record_result(late, error)).records == ()
    assert begin(log) is None


def test_a_file_that_is_up_to_date_is_not_started(log: SqliteLog) -> None:
    """A later writer costs no record."""
    keep(log, begin(log))
    assert begin(log) is None
    assert len(list(log.records())) == 4


def test_jobs_that_another_instance_is_sending_are_reported_by_that_one(log: SqliteLog) -> None:
    """This instance's file would come too late."""
    lease: Part = {"attempt": 1, "date": "2026", "lease_until": "2027"}
    add(log, Draft("job.sending", "pending", {"key": "d"}, job={"key": "j"}, request=lease))
    assert begin(log) is None


def test_a_refused_file_is_reported_once_and_retried_ever_more_rarely(
    log: SqliteLog, clock: Clock
) -> None:
    """At once, after 40 minutes, after 80, and so on, at most a day apart; never forgotten."""
    assert keep(log, begin(log), REFUSED) == ["result.failed"]
    tried = []
    while clock.now - NOW < timedelta(days=6):
        started = begin(log)
        if started:
            tried.append(clock.now - NOW)
            assert keep(log, started, REFUSED) == []
        assert [run.result_error for run in unreported(log)] == [str(REFUSED)]
        clock.now += timedelta(minutes=5)
    pauses = [later - sooner for sooner, later in pairwise(tried)]
    assert tried[0] == timedelta(0)
    assert pauses[:3] == [timedelta(minutes=minutes) for minutes in (40, 80, 160)]
    assert pauses[-1] == LONGEST_PAUSE
    assert len(tried) < 15


def test_without_an_answer_no_other_writes_before_the_file_can_no_longer_arrive(
    log: SqliteLog, clock: Clock
) -> None:
    """It may have been written, and may still be."""
    assert keep(log, begin(log), NoAnswerError("no answer")) == ["result.failed"]
    assert begin(log) is None
    clock.now += PAUSE
    assert begin(log)


def test_a_file_that_obs_refused_may_be_written_again_at_once(log: SqliteLog) -> None:
    """It cannot arrive any more, so nothing has to be waited for."""
    failed = NoAnswerError("OBS answered 503", over=True)
    assert keep(log, begin(log), failed) == ["result.failed"]
    assert begin(log)


def test_a_file_is_given_up_a_week_after_its_delivery(log: SqliteLog, clock: Clock) -> None:
    """That is reported, too; a later change is tried again."""
    keep(log, begin(log), REFUSED)
    clock.now += timedelta(days=7, seconds=1)
    assert keep(log, begin(log), REFUSED) == ["result.failed"]
    assert unreported(log) == []
    *_, last = log.records()
    assert str(last.fields["note"]).startswith("given up: ")
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    assert begin(log)


@pytest.mark.parametrize(
    ("error", "action"), [(None, "result.written"), (REFUSED, "result.failed")]
)
def test_what_became_of_a_file_is_true_of_a_forgotten_delivery_too(
    log: SqliteLog, clock: Clock, error: ObjectError | None, action: str
) -> None:
    """It was forgotten while its file was under way."""
    started = begin(log)
    add(log, Draft("job.refused", "failure", {"key": "d"}, job={"key": "j"}))
    clock.now += timedelta(days=100)
    forget(log, timedelta(days=90))
    assert keep(log, started, error) == [action]


def test_after_a_success_a_new_error_is_reported_again(log: SqliteLog) -> None:
    """Once for each time that it starts."""
    keep(log, begin(log), REFUSED)
    keep(log, begin(log))
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    assert keep(log, begin(log), REFUSED) == ["result.failed"]


def newer(log: SqliteLog) -> None:
    """Deliver another version of the object."""
    about: Part = {"key": "newer", "trigger": "object", "subject": "obs://b/k"}
    add(log, Draft("spec.rejected", "failure", about))


def test_the_file_shows_the_latest_run_whichever_changed_last(log: SqliteLog) -> None:
    """The job of an earlier one ends later, and has no place in it."""
    keep(log, begin(log))
    newer(log)
    keep(log, begin(log, "newer"))
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    started = begin(log)
    assert started
    assert (started.run.key, started.shown.key) == ("d", "newer")
    keep(log, started)
    assert unreported(log) == []


def test_an_empty_object_that_was_ignored_since_is_no_run_to_be_shown(log: SqliteLog) -> None:
    """Behind it the latest run is still the one that the file shows."""
    about: Part = {"key": "second", "trigger": "object", "subject": "obs://b/k"}
    job: Part = {"key": "i", "name": "n", "type": "node_upgrade", "document": 1}
    add(
        log,
        Draft("delivery.planned", "pending", about),
        Draft("job.planned", "pending", {"key": "second"}, job=job, body="{}"),
        Draft("delivery.ignored", "success", {**about, "key": "e"}, source={"read_etag": "e"}),
    )
    shown = [one.shown.key for one in (begin(log), begin(log, "second")) if one]
    assert shown == ["second", "second"]


@pytest.mark.parametrize("killed", [False, True])
def test_an_earlier_run_that_is_written_late_is_written_over(
    log: SqliteLog, clock: Clock, *, killed: bool
) -> None:
    """Its writer says so, or leaves its attempt open."""
    late = begin(log)
    newer(log)
    keep(log, begin(log, "newer"))
    if not killed:
        keep(log, late)
    clock.now += PAUSE
    (unwritten,) = unreported(log)
    assert unwritten.key == ("d" if killed else "newer")
    again = begin(log, unwritten.key)
    assert again
    assert again.shown.key == "newer"


def test_a_file_written_for_an_earlier_run_may_be_old_for_the_latest(log: SqliteLog) -> None:
    """Another instance wrote more of it meanwhile."""
    newer(log)
    late = begin(log)
    add(log, Draft("delivery.repeated", "success", {"key": "newer"}))
    add(log, Draft("job.deferred", "pending", {"key": "newer"}, job={"key": "x"}, note="later"))
    keep(log, begin(log, "newer"))
    keep(log, late)
    assert [run.key for run in unreported(log)] == ["newer"]


def test_a_file_written_for_an_earlier_run_does_not_end_an_attempt_for_the_latest(
    log: SqliteLog, clock: Clock
) -> None:
    """Its file may still come, and be older than the file it replaces."""
    newer(log)
    earlier = begin(log)
    assert begin(log, "newer")
    keep(log, earlier)
    assert begin(log, "newer") is None
    clock.now += PAUSE
    assert begin(log, "newer")


def test_waiting_files_come_after_those_that_can_be_written(log: SqliteLog) -> None:
    """A thousand refused files do not keep the others from being written."""
    keep(log, begin(log), NoAnswerError("no answer"))
    about = {"key": "later", "trigger": "object", "subject": "obs://b/other"}
    add(log, Draft("delivery.rejected", "failure", about))
    assert [run.key for run in unreported(log)] == ["later", "d"]
    assert [run.key for run in log.read(lambda view: view.open(1).unreported)] == ["later"]
