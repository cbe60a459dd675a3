"""Result files: one writer at a time, never an old one left over a newer one, told once."""

from __future__ import annotations

import json
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.job_end import shown_state
from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sqlite import SqliteLog
from handler.errors import NoAnswerError, ObjectError
from handler.instance import open_instance, services_of
from handler.local.context import Context
from handler.pipeline import state_of
from handler.reporting import LONGEST_PAUSE, begin_result, report, result_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.emulator.server import Emulator
    from handler.services import Services

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    FireIn = Callable[[Environ, object], Reply]
    Recorded = Callable[[], list[Reply]]

NOW = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
PAUSE = timedelta(minutes=20)
UPGRADE = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [node-1]}\n"
REFUSED = ObjectError("obs://b/k: the agency may not write it")
RESULT = "results/hall.yaml.result.json"
TICK = {"action": "reconcile"}


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The log's clock."""
    return Clock()


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


def begin(log: SqliteLog) -> DeliveryState | None:
    """Begin to write the result file, if it may be written."""
    return log.commit(begin_result("d", PAUSE, function={})).value


def keep(log: SqliteLog, begun: DeliveryState | None, error: Any = None) -> list[str]:  # noqa: ANN401 - an error or None
    """Record what came of it; answers the actions recorded."""
    assert begun
    done = log.commit(result_kept(begun, error, function={}))
    return [str(record.fields["action"]) for record in done.records]


def unreported(log: SqliteLog) -> list[DeliveryState]:
    """Return the deliveries whose result file does not show how they stand."""
    return list(log.read(lambda view: view.open(9).unreported))


def test_while_one_instance_writes_no_other_does(log: SqliteLog, clock: Clock) -> None:
    """Not before its file can come no more: it was signed before it began."""
    assert begin(log)
    assert begin(log) is None
    clock.now += PAUSE - timedelta(seconds=1)
    assert begin(log) is None
    clock.now += timedelta(seconds=1)
    assert begin(log)


def test_a_writer_that_is_killed_leaves_its_file_to_be_written_anew(
    log: SqliteLog, clock: Clock
) -> None:
    """Perhaps it left an old one over a newer one: nobody can tell."""
    begun = begin(log)
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    clock.now += PAUSE
    again = begin(log)
    assert begun
    assert again
    assert again.changed > begun.changed
    assert keep(log, again) == ["result.written"]
    assert unreported(log) == []


def test_what_was_written_late_and_old_is_written_anew_at_once(
    log: SqliteLog, clock: Clock
) -> None:
    """The late writer says itself what its file shows."""
    late = begin(log)
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    clock.now += PAUSE
    keep(log, begin(log))
    keep(log, late)
    assert [run.key for run in unreported(log)] == ["d"]
    assert begin(log)


def test_a_file_that_is_as_it_should_be_is_not_begun(log: SqliteLog) -> None:
    """Whoever still wants to write it comes too late: that costs no record."""
    keep(log, begin(log))
    assert begin(log) is None
    assert len(list(log.records())) == 4


def test_what_another_instance_is_sending_that_one_reports(log: SqliteLog) -> None:
    """Our word would come too late."""
    lease: Part = {"attempt": 1, "date": "2026", "lease_until": "2027"}
    add(log, Draft("job.sending", "pending", {"key": "d"}, job={"key": "j"}, request=lease))
    assert begin(log) is None


def test_a_file_that_is_refused_is_told_once_and_tried_ever_more_rarely(
    log: SqliteLog, clock: Clock
) -> None:
    """At once, after 40 minutes, after 80, and so on, at most a day apart; never forgotten."""
    assert keep(log, begin(log), REFUSED) == ["result.failed"]
    tried = []
    while clock.now - NOW < timedelta(days=6):
        begun = begin(log)
        if begun:
            tried.append(clock.now - NOW)
            assert keep(log, begun, REFUSED) == []
        assert [run.result_error for run in unreported(log)] == [str(REFUSED)]
        clock.now += timedelta(minutes=5)
    pauses = [later - sooner for sooner, later in pairwise(tried)]
    assert tried[0] == timedelta(0)
    assert pauses[:3] == [timedelta(minutes=minutes) for minutes in (40, 80, 160)]
    assert pauses[-1] == LONGEST_PAUSE
    assert len(tried) < 15


def test_without_an_answer_nobody_writes_before_the_file_can_come_no_more(
    log: SqliteLog, clock: Clock
) -> None:
    """It may have been written, and may still be."""
    assert keep(log, begin(log), NoAnswerError("no answer")) == ["result.failed"]
    assert begin(log) is None
    clock.now += PAUSE
    assert begin(log)


def test_a_file_is_given_up_a_week_after_its_delivery(log: SqliteLog, clock: Clock) -> None:
    """That is told, too; a later change is tried again."""
    keep(log, begin(log), REFUSED)
    clock.now += timedelta(days=7, seconds=1)
    assert keep(log, begin(log), REFUSED) == ["result.failed"]
    assert unreported(log) == []
    *_, last = log.records()
    assert str(last.fields["note"]).startswith("given up: ")
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    assert begin(log)


def test_after_a_success_a_new_trouble_is_told_anew(log: SqliteLog) -> None:
    """Once for each time that it begins."""
    keep(log, begin(log), REFUSED)
    keep(log, begin(log))
    add(log, Draft("job.deferred", "pending", {"key": "d"}, job={"key": "j"}, note="later"))
    assert keep(log, begin(log), REFUSED) == ["result.failed"]


def test_what_waits_comes_after_what_can_be_written_now(log: SqliteLog) -> None:
    """A thousand refused files do not keep the others from being written."""
    keep(log, begin(log), NoAnswerError("no answer"))
    about = {"key": "later", "trigger": "object", "subject": "obs://b/other"}
    add(log, Draft("delivery.rejected", "failure", about))
    assert [run.key for run in unreported(log)] == ["later", "d"]
    assert [run.key for run in log.read(lambda view: view.open(1).unreported)] == ["later"]


@contextmanager
def serving(environ: Environ) -> Iterator[Services]:
    """What an invocation has at hand."""
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        yield services_of(context, instance)


def stored(emulator: Emulator) -> Any:  # noqa: ANN401 - any JSON
    """Return the result file's content."""
    return json.loads(emulator.state.buckets["nightdrop-drop"][RESULT].data)


class Killed(BaseException):
    """The process ends here."""


class DyingLog:
    """A log whose instance is killed before a commit that it was told."""

    def __init__(self, log: Any, at: int) -> None:  # noqa: ANN401 - any log
        self._log, self._left = log, at

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the log has
        return getattr(self._log, name)

    def commit(self, decide: Any) -> Any:  # noqa: ANN401 - any decision
        """Commit, or die."""
        self._left -= 1
        if not self._left:
            raise Killed
        return self._log.commit(decide)


@pytest.mark.parametrize("at", [1, 2], ids=["before it begins", "before it is recorded"])
def test_a_late_writer_that_is_killed_leaves_no_old_file(
    emulator: Emulator, environ: Environ, fire_in: FireIn, drop: Drop, at: int
) -> None:
    """It stood still with an old state while a tick reported a newer one."""
    at_once = {**environ, "NIGHTDROP_SETTLE_AFTER": "0"}
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}])
    fire_in(at_once, drop("drop/hall.yaml", UPGRADE))
    assert stored(emulator)["jobs"][0]["state"] == "unknown"
    with serving(at_once) as services:
        (waiting,) = services.log.read(lambda view: view.open(9)).jobs
        old = state_of(waiting.delivery, services)
        fire_in(at_once, TICK)
        dying: Any = DyingLog(services.log, at)
        with suppress(Killed):
            report(replace(old, reported=0), replace(services, log=dying))
        fire_in(at_once, TICK)
        (job,) = state_of(waiting.delivery, services).jobs
    assert job.state == "adopted"
    assert stored(emulator)["jobs"][0]["state"] == shown_state(job)


def test_a_result_file_is_signed_before_it_is_begun(
    emulator: Emulator, environ: Environ, drop: Drop, fire: Fire
) -> None:
    """Whatever stands still in between comes too late, and is refused for its date."""
    emulator.faults.set([{"operation": "PutObject", "fault": "status", "status": 403}])
    fire(drop("drop/hall.yaml", UPGRADE))
    emulator.faults.set([])
    with serving(environ) as services:
        (run,) = services.log.read(lambda view: view.open(9).unreported)
        times = iter([services.obs.clock() - timedelta(minutes=16)])  # asked for once
        report(run, replace(services, obs=replace(services.obs, clock=lambda: next(times))))
        begun = [r for r in services.log.records() if r.fields["action"] == "result.writing"]
    assert len(begun) == 2
    assert RESULT not in emulator.state.buckets["nightdrop-drop"]


def test_a_tick_says_that_a_result_file_cannot_be_written(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """It stays open, with its reason, and leaves one record of it, however many ticks come."""
    emulator.faults.set([{"operation": "PutObject", "fault": "status", "status": 403}])
    fire(drop("drop/hall.yaml", UPGRADE))
    replies = [fire(TICK) for _ in range(4)]
    assert [reply["open"]["results"] for reply in replies] == [1, 1, 1, 1]
    assert {reply["outcome"] for reply in replies} == {"deferred"}
    assert "drop/hall.yaml is not written" in replies[-1]["errors"][0]
    actions = [record["action"] for record in recorded()]
    assert (actions.count("result.failed"), actions.count("result.writing")) == (1, 2)


def test_results_of_foreign_buckets_and_without_a_place_are_not_open(
    environ: Environ, drop: Drop, fire_in: FireIn
) -> None:
    """Nobody will ever write them."""
    unset = {name: value for name, value in environ.items() if name != "NIGHTDROP_RESULTS"}
    fire_in(unset, drop("drop/hall.yaml", UPGRADE))
    fire_in(unset, drop("drop/x", UPGRADE, bucket="another"))
    assert fire_in(unset, TICK)["open"]["results"] == 0
