"""A delivery that was refused, and left nothing on the fleet, may be delivered again as it is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.sql.sqlite import SqliteLog
from handler.deliveries.decisions import (
    Decided,
    Order,
    Rules,
    SpecSource,
    plan_it,
    settle_without_jobs,
)
from handler.deliveries.receiving import receive
from handler.errors import Problem
from handler.jobs.decisions import Answer, Created, Refused, Unknown, abandon, claim, record
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED
from handler.specs.planner import make_plan
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import timestamp
from tests.faults.simulation.memory_log import MemoryLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Literal

    from handler.audit.state import DeliveryState
    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    FireIn = Callable[[Environ, object], Reply]
    Drop = Callable[..., Any]
    Tick = Callable[..., Reply]
    Recorded = Callable[[], list[Reply]]

NOW = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
RULES = Rules(timedelta(hours=6), timedelta(seconds=30))
NO = Refused("no such project", 404, "IEF.1")
SPEC = b"kind: node_upgrade\nname: hall\ntargets: {nodes: [{id: node-1}]}\n"
DIRECT = {"kind": "node_upgrade", "name": "hall", "targets": {"nodes": [{"id": "node-1"}]}}


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    """An empty log."""
    opened = MemoryLog(lambda: NOW)
    yield opened
    opened.close()


def fired(trigger: Literal["timer", "object", "direct"] = "direct") -> Delivery:
    """Return a delivery of two jobs."""
    return Delivery("k" * 52, trigger, trigger, NOW, {}, {"shape": trigger}, InlineSpec(""))


def deliver(log: MemoryLog, delivery: Delivery, spec: bytes = SPEC + b"---\n" + SPEC) -> Decided:
    """Receive a delivery and, unless it is decided, plan it."""
    received = log.commit(receive(delivery)).value
    if received.is_received:
        plan = make_plan(received.delivery.key, read(spec, Limits()))
        order = Order(received.delivery, SpecSource(spec, {}), plan, ALLOWED)
        log.commit(plan_it(order, RULES))
    return received


def run_of(log: MemoryLog, received: Decided) -> DeliveryState:
    """Return the state of a received delivery."""
    run = log.read(lambda view: view.delivery(received.delivery.key))
    assert run
    return run


def before_it_came_again(log: MemoryLog, received: Decided) -> DeliveryState:
    """Return the state of a received delivery without the record that it came once more."""
    run = run_of(log, received)
    return run._replace(last_seq=run.last_seq - 1)


def answer(log: MemoryLog, received: Decided, *answers: Answer) -> None:
    """Send every job and record what the API answers."""
    for job, one in zip(run_of(log, received).jobs, answers, strict=True):
        date = timestamp(NOW)
        log.commit(claim(job.key, date=date, lease=timedelta(minutes=1)))
        log.commit(record(job.key, 1, one))


@pytest.mark.parametrize("trigger", ["timer", "object", "direct"])
def test_a_refused_delivery_is_run_again_once(
    log: MemoryLog, trigger: Literal["timer", "object", "direct"]
) -> None:
    """With jobs of its own; once they are created it is a duplicate like any other."""
    first = deliver(log, fired(trigger))
    answer(log, first, NO, NO)
    second = deliver(log, fired(trigger))
    assert second.is_received
    assert second.earlier == run_of(log, first)
    assert {job.key for job in run_of(log, second).jobs}.isdisjoint(
        job.key for job in run_of(log, first).jobs
    )
    answer(log, second, Created("1"), Created("2"))
    third = deliver(log, fired(trigger))
    assert third.run == before_it_came_again(log, second)


def test_it_may_be_refused_many_times(log: MemoryLog) -> None:
    """Each run has a key of its own, the same for every instance."""
    keys = []
    for _ in range(5):
        received = deliver(log, fired())
        answer(log, received, NO, NO)
        keys.append(received.delivery.key)
    assert len(set(keys)) == 5
    assert keys[0] == fired().key


def test_two_that_come_side_by_side_are_one_run(log: MemoryLog) -> None:
    """The first one to plan has it."""
    answer(log, deliver(log, fired()), NO, NO)
    one = log.commit(receive(fired())).value
    other = deliver(log, fired())
    assert one.delivery == other.delivery
    plan = make_plan(one.delivery.key, read(SPEC, Limits()))
    order = Order(one.delivery, SpecSource(SPEC, {}), plan, ALLOWED)
    assert log.commit(plan_it(order, RULES)).value.run == run_of(log, other)


def test_a_killed_instance_leaves_the_new_run_to_the_reconciler(log: MemoryLog) -> None:
    """It was received under its own key, with the body it is started from."""
    answer(log, deliver(log, fired()), NO, NO)
    started = log.commit(receive(fired())).value
    (waiting,) = log.read(lambda view: view.open(9)).deliveries
    assert waiting.key == started.delivery.key
    resumed = Delivery.from_json(log.bodies([waiting.key])[waiting.key])
    assert deliver(log, resumed).delivery == started.delivery
    assert run_of(log, started).state == "planned"


@pytest.mark.parametrize(
    "answers", [(NO, Created("1")), (NO, Unknown("cut")), (Created("1"), Created("2"))]
)
def test_a_run_that_may_have_left_a_job_is_not_repeated(
    log: MemoryLog, answers: tuple[Answer, ...]
) -> None:
    """One job is enough."""
    first = deliver(log, fired())
    answer(log, first, *answers)
    assert deliver(log, fired()).run == before_it_came_again(log, first)


def test_an_abandoned_run_is_not_repeated(log: MemoryLog) -> None:
    """An operator decided so, and it may be on the fleet, which was not checked."""
    first = deliver(log, fired())
    for job in run_of(log, first).jobs:
        log.commit(abandon(job.key, "not wanted", actor={}))
    assert deliver(log, fired()).run == before_it_came_again(log, first)


@pytest.mark.parametrize(
    ("trigger", "again"), [("timer", False), ("object", False), ("direct", True)]
)
def test_an_expired_run_is_repeated_only_for_a_direct_invocation(
    tmp_path: Path, trigger: Literal["timer", "object", "direct"], *, again: bool
) -> None:
    """Last night's upgrade does not run at noon, because a copy of its event comes late."""
    clock = [NOW]
    log: Any = SqliteLog(tmp_path / "a.db", clock=lambda: clock[0])
    first = deliver(log, fired(trigger))
    clock[0] += timedelta(hours=7)
    for job in run_of(log, first).jobs:
        lease = timedelta(minutes=1)
        log.commit(claim(job.key, date=timestamp(NOW), lease=lease))
    assert {job.state for job in run_of(log, first).jobs} == {"expired"}
    assert deliver(log, fired(trigger)).is_received == again
    log.close()


@pytest.mark.parametrize(
    ("trigger", "again"), [("timer", True), ("direct", True), ("object", False)]
)
def test_a_rejected_delivery_is_checked_again_but_for_an_object(
    log: MemoryLog, trigger: Literal["timer", "object", "direct"], *, again: bool
) -> None:
    """A limit, say, was set too low; a new version of an object has an event of its own."""
    delivery = fired(trigger)
    log.commit(receive(delivery))
    problem = str(Problem("too large"))
    log.commit(settle_without_jobs(delivery, "spec.rejected", problem))
    assert log.commit(receive(delivery)).value.is_received == again


def test_a_repeat_of_what_was_refused_afterwards_may_be_delivered_again(log: MemoryLog) -> None:
    """It was only repeated, because the other tick of the window was still to be sent."""
    first = deliver(log, fired("timer"))
    close = fired("timer")._replace(key="l" * 52, fired_at=NOW + timedelta(seconds=5))
    assert run_of(log, deliver(log, close)).state == "repeated"
    answer(log, first, NO, NO)
    again, other = deliver(log, close), deliver(log, fired("timer"))
    assert run_of(log, again).state == "planned"
    assert run_of(log, other).repeats == again.delivery.key


def test_the_records_name_the_run_before(log: MemoryLog) -> None:
    """So that both runs can be shown as one history."""
    answer(log, deliver(log, fired()), NO, NO)
    deliver(log, fired())
    received = [one.fields for one in log.records() if one.fields["action"] == "delivery.received"]
    again: Any = received[-1]
    assert again["delivery"]["repeats"] == fired().key
    assert "delivered again" in again["note"]


def test_a_corrected_setting_lets_the_same_event_run(
    emulator: Emulator, environ: Environ, fire_in: FireIn, tick: Tick
) -> None:
    """The reply lists the earlier refusals, and the job is created once."""
    event = tick(SPEC.decode())
    wrong = {**environ, "NIGHTDROP_PROJECT_ID": "f" * 32}
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 404}])
    first = fire_in(wrong, event)
    emulator.faults.set([])
    second, third = fire_in(environ, event), fire_in(environ, event)
    outcomes = [reply["outcome"] for reply in (first, second, third)]
    assert outcomes == ["rejected", "submitted", "duplicate"]
    assert second["warnings"][0].startswith("this was refused before (")
    assert second["warnings"][0].endswith("; delivered again")
    assert "warnings" not in third
    assert len(emulator.state.jobs) == 1


def test_a_limit_that_is_raised_lets_the_same_event_through(
    environ: Environ, fire_in: FireIn
) -> None:
    """A rejection under one setting is checked again under the other."""
    small = {**environ, "NIGHTDROP_MAX_SPEC_BYTES": "20"}
    assert fire_in(small, DIRECT)["outcome"] == "rejected"
    assert fire_in(environ, DIRECT)["outcome"] == "submitted"


def test_the_result_file_of_an_object_tells_of_its_latest_run(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The event came again after the refusal."""
    emulator.faults.set([{"operation": "CreateBatchJob", "fault": "status", "status": 404}])
    event = drop("drop/hall.yaml", SPEC)
    assert fire(event)["outcome"] == "rejected"
    emulator.faults.set([])
    assert fire(event)["outcome"] == "submitted"
    kept = emulator.state.buckets["nightdrop-drop"]["results/hall.yaml.result.json"].data
    assert b'"created"' in kept


def test_a_decision_that_fails_has_received_nothing(log: MemoryLog) -> None:
    """The search for the latest run only reads."""
    answer(log, deliver(log, fired()), NO, NO)
    before = len(list(log.records()))
    log.commit(lambda view: Decision(receive(fired())(view).value))
    assert len(list(log.records())) == before
