"""The effect runner: the rate limit of all senders, and jobs side by side."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.credentials import Credentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief, ListedJob, ShownJob
from handler.errors import ApiError, LogError
from handler.jobs.decisions import Deferred
from handler.jobs.effect_runner import JOBS_PER_PAGE, EffectRunner, RateLimiter
from handler.jobs.effects import (
    Asking,
    AwaitTurn,
    Commit,
    Gone,
    Listing,
    ListJobs,
    SendSettings,
    ShowJob,
    Sign,
    TimeLeft,
    ask,
)
from handler.jobs.submission import submission
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.record import Part
    from handler.emulator.server import Emulator

    Make: TypeAlias = Callable[..., EffectRunner]

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = SendSettings(seconds_per_request=1.0, settle_after=1200)
BODY = (
    '{"job_name": "%s", "job_type": "node_upgrade", "job_content": {"target_type": "node",'
    ' "targets": [{"target_id": "n"}]}}'
)


@dataclass
class Ticking:
    """A clock that only sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.now += seconds


def test_no_sender_waits_before_the_api_has_asked_for_it() -> None:
    """The usual case costs nothing."""
    ticking = Ticking()
    assert RateLimiter(ticking.clock, ticking.sleep).wait(0)
    assert ticking.slept == []


def test_every_sender_waits_until_the_latest_pause_ends() -> None:
    """A shorter one does not shorten it."""
    ticking = Ticking()
    limiter = RateLimiter(ticking.clock, ticking.sleep)
    limiter.slow_down(5)
    limiter.slow_down(2)
    assert limiter.wait(5)
    assert ticking.now == 5
    assert limiter.wait(0)


def test_a_pause_that_lasts_too_long_is_not_started() -> None:
    """The job is deferred instead."""
    ticking = Ticking()
    limiter = RateLimiter(ticking.clock, ticking.sleep)
    limiter.slow_down(5.1)
    assert not limiter.wait(5)
    assert ticking.slept == []


def test_a_pause_that_grows_meanwhile_is_waited_out() -> None:
    """Another sender was asked to wait longer."""
    ticking = Ticking()
    limiter = RateLimiter(ticking.clock, ticking.sleep)

    def sleep(seconds: float) -> None:
        if not ticking.slept:
            limiter.slow_down(3)
        ticking.sleep(seconds)

    limiter.sleep = sleep
    limiter.slow_down(1)
    assert limiter.wait(10)
    assert ticking.now == 3


def test_a_pause_that_grows_beyond_the_time_is_given_up() -> None:
    """What was slept already counts, too."""
    ticking = Ticking()
    limiter = RateLimiter(ticking.clock, ticking.sleep)

    def sleep(seconds: float) -> None:
        if not ticking.slept:
            ticking.sleep(seconds)
            limiter.slow_down(50)

    limiter.sleep = sleep
    limiter.slow_down(50)
    assert not limiter.wait(60)
    assert ticking.now == 50


@pytest.mark.parametrize(("pause", "left"), [(47, 13.0), (48, 12.0), (49, 0.0), (55, 0.0)])
def test_a_pause_that_leaves_no_time_to_send_is_not_started(
    runner: EffectRunner, pause: float, left: float
) -> None:
    """The job is deferred at once instead of after the pause."""
    ticking = Ticking()
    limiter = RateLimiter(ticking.clock, ticking.sleep)
    limiter.slow_down(pause)
    hurried = EffectRunner(runner.log, runner.ief, Deadline(60, ticking.clock), limiter)
    assert answers(hurried, AwaitTurn(12)) == [left]
    assert ticking.now == (pause if left else 0)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """An empty log."""
    log = SqliteLog(tmp_path / "audit.db")
    yield log
    log.close()


@pytest.fixture
def runner(log: SqliteLog, emulator: Emulator) -> Iterator[EffectRunner]:
    """A runner that works against an emulated cloud and has an hour."""
    transport = Transport(timeout=5)
    account = emulator.account
    keys = Credentials(account.access_key, account.secret_key)
    ief = Ief(emulator.url, account.project_id, keys, transport, lambda: datetime.now(timezone.utc))
    yield EffectRunner(log, ief, Deadline(3600, lambda: 0.0))
    transport.close()


def planned(log: SqliteLog, *keys: str) -> list[Asking[JobState]]:
    """Plan jobs and return their submissions."""
    about: Part = {"key": "d", "trigger": "direct", "subject": "direct"}
    drafts = [Draft("delivery.planned", "pending", delivery=about)]
    for number, key in enumerate(keys, 1):
        job: Part = {"key": key, "name": key, "type": "node_upgrade", "document": number}
        drafts.append(
            Draft("job.planned", "pending", delivery={"key": "d"}, job=job, body=BODY % key)
        )
    log.commit(lambda _view: Decision(None, tuple(drafts)))
    return [submission(key, BODY % key, SENDER) for key in keys]


def states(log: SqliteLog) -> list[str]:
    """Return the states of the planned jobs."""
    run = log.read(lambda view: view.delivery("d"))
    assert run
    return [job.state for job in run.jobs]


def test_jobs_are_sent_side_by_side(
    log: SqliteLog, runner: EffectRunner, emulator: Emulator
) -> None:
    """Eight jobs of a quarter of a second each take no two seconds."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "delay", "seconds": 0.25}])
    jobs = planned(log, *"abcdefgh")
    seen = set[str]()

    def counted(effects: Asking[JobState]) -> Asking[JobState]:
        seen.add(threading.current_thread().name)
        return (yield from effects)

    runner.drive_all([counted(job) for job in jobs], senders=8)
    assert states(log) == ["created"] * 8
    assert len(seen) > 1


def test_nothing_to_send_starts_no_thread(runner: EffectRunner) -> None:
    """A reconciler run without work is cheap."""
    before = threading.active_count()
    runner.drive_all([], senders=16)
    assert threading.active_count() == before


def test_one_refused_job_stops_no_other(
    log: SqliteLog, runner: EffectRunner, emulator: Emulator
) -> None:
    """Each has its own result."""
    emulator.faults.set(
        [{"operation": "CreateBatchJob", "fault": "status", "status": 400, "times": 1}]
    )
    runner.drive_all(planned(log, "a", "b", "c"), senders=1)
    assert states(log) == ["refused", "created", "created"]


def test_an_error_of_one_is_raised_once_all_others_are_done(
    log: SqliteLog, runner: EffectRunner
) -> None:
    """The platform must get the error, and the other jobs must not wait for it."""

    def broken() -> Asking[JobState]:
        yield AwaitTurn(0.0)
        raise LogError("gone")

    with pytest.raises(LogError, match="gone"):
        runner.drive_all([broken(), *planned(log, "a", "b")], senders=2)
    assert states(log) == ["created", "created"]


def test_one_429_slows_all_senders(
    log: SqliteLog, runner: EffectRunner, emulator: Emulator
) -> None:
    """Each waits for as long as the API asked one of them to."""
    ticking = Ticking()
    paced = EffectRunner(
        log, runner.ief, runner.deadline, RateLimiter(ticking.clock, ticking.sleep)
    )
    emulator.faults.set(
        [
            {
                "operation": "CreateBatchJob",
                "fault": "status",
                "status": 429,
                "seconds": 7,
                "times": 1,
            }
        ]
    )
    paced.drive_all(planned(log, "a", "b"), senders=1)
    assert states(log) == ["created", "created"]
    assert ticking.slept == [7]


def test_a_pause_without_a_length_is_a_second(
    log: SqliteLog, runner: EffectRunner, emulator: Emulator
) -> None:
    """Enough not to hammer an API that is busy."""
    ticking = Ticking()
    paced = EffectRunner(
        log, runner.ief, runner.deadline, RateLimiter(ticking.clock, ticking.sleep)
    )
    emulator.faults.set(
        [{"operation": "CreateBatchJob", "fault": "status", "status": 429, "times": 1}]
    )
    paced.drive_all(planned(log, "a"), senders=1)
    assert (states(log), ticking.slept) == (["created"], [1])


def answers(runner: EffectRunner, *effects: object) -> list[object]:
    """Return a runner's answers to effects."""
    effects_done: list[object] = []

    def ask() -> Asking[None]:
        for effect in effects:
            effects_done.append((yield effect))  # type: ignore[misc] # noqa: PERF401 - a yield

    runner.drive(ask())
    return effects_done


def test_the_time_that_is_left_is_the_invocations(runner: EffectRunner) -> None:
    """None is left once a pause would outlast it."""
    ended = EffectRunner(runner.log, runner.ief, Deadline(0, lambda: 1.0))
    assert answers(ended, TimeLeft(), AwaitTurn(0.0)) == [0.0, 0.0]
    runner.limiter.slow_down(9999)
    assert answers(runner, TimeLeft(), AwaitTurn(0.0)) == [3600.0, 0.0]


def test_without_keys_signing_defers(runner: EffectRunner) -> None:
    """With the reason."""
    keys = Credentials("", "", missing="no agency")
    ief = Ief("http://127.0.0.1:1", "p", keys, runner.ief.transport, runner.ief.clock)
    assert answers(EffectRunner(runner.log, ief, runner.deadline), Sign("{}")) == [
        Deferred("no agency")
    ]


def test_a_decision_is_answered_with_its_value(runner: EffectRunner) -> None:
    """That is what a submission goes by."""
    assert answers(runner, Commit(lambda _view: Decision("granted"))) == ["granted"]


def test_a_job_is_shown_in_its_present_state_or_as_gone(
    log: SqliteLog, runner: EffectRunner, emulator: Emulator
) -> None:
    """Only a plain 404 means that it is gone."""
    runner.drive_all(planned(log, "a"), senders=1)
    (job,) = emulator.state.all_jobs()
    (shown,) = answers(runner, ShowJob(job.job_id))
    assert isinstance(shown, ShownJob)
    emulator.faults.set([{"operation": "ShowBatchJob", "fault": "cut"}])
    assert answers(runner, ShowJob(job.job_id)) == [None]
    emulator.faults.set([])
    emulator.state.delete_job(job.job_id)
    (gone,) = answers(runner, ShowJob(job.job_id))
    assert isinstance(gone, Gone)


def test_one_listing_serves_all_jobs_of_its_type(runner: EffectRunner, emulator: Emulator) -> None:
    """Unless one reaches back further."""
    looks = [ListJobs("node_upgrade", NOW - timedelta(hours=hours)) for hours in (1, 0, 2)]
    first, second, third = answers(runner, *looks)
    assert first is second
    assert third is not first
    asked = [one.operation for one in emulator.state.requests]
    assert asked == ["ListBatchJob"] * 2


def test_a_list_that_cannot_be_read_raises(runner: EffectRunner, emulator: Emulator) -> None:
    """The reconciler reports it and continues."""
    emulator.faults.set([{"operation": "ListBatchJob", "fault": "status", "status": 503}])
    with pytest.raises(ApiError, match="503"):
        answers(runner, ListJobs("node_upgrade", NOW))


def test_a_long_list_takes_at_most_half_of_the_time_that_is_left() -> None:
    """Other jobs have their turn; what was listed may still be adopted."""
    now = 100.0

    class Api:
        def clock(self) -> datetime:
            return NOW

        def list_jobs(self, _type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
            nonlocal now
            now += 1
            listed = range(offset, offset + limit)
            return tuple(ListedJob(f"id-{n}", "n", "node_upgrade", "", 0, "") for n in listed)

    deadline = Deadline(120.0, lambda: now)
    runner = EffectRunner(cast("Any", None), cast("Any", Api()), deadline)
    (listing,) = answers(runner, ListJobs("node_upgrade", NOW))
    assert isinstance(listing, Listing)
    assert (now, listing.complete) == (110.0, False)
    assert len(listing.jobs) > JOBS_PER_PAGE
    (said,) = runner.incomplete_listings()
    assert "the list of node_upgrade jobs was not read to its end" in said


@pytest.mark.parametrize(("code", "gone"), [("IEF.100404", True), ("APIGW.0101", False)])
def test_only_the_api_itself_knows_that_a_job_was_deleted(code: str, *, gone: bool) -> None:
    """What its gateway does not find may be there later."""

    class Api:
        def show_job(self, _job_id: str) -> ShownJob:
            raise ApiError("IEF answered 404", status=404, code=code)

    runner = EffectRunner(cast("Any", None), cast("Any", Api()), cast("Any", None))
    found = runner.drive(ask(ShowJob("x")))
    assert isinstance(found, Gone) is gone
