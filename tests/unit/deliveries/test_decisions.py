"""The records of a delivery."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.deliveries.decisions import (
    Order,
    Rules,
    SpecSource,
    interrupted,
    plan_it,
    reject_event,
    settle_without_jobs,
)
from handler.deliveries.receiving import receive
from handler.errors import Problem
from handler.jobs.decisions import Created, Refused, claim, record
from handler.policy.verdict import ALLOWED
from handler.specs.planner import Plan, PlannedJob
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of, sha256_hex, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
RULES = Rules(timedelta(hours=6), timedelta(seconds=30))
V1 = SpecSource(b"v1", {"read_etag": "e1", "read_size": 2})
V2 = SpecSource(b"v2", {})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """An empty log whose clock does not move."""
    log = SqliteLog(tmp_path / "audit.db", clock=lambda: NOW)
    yield log
    log.close()


def fired(
    key: str, trigger: Literal["timer", "object", "direct"] = "object", seconds: float = 0
) -> Delivery:
    """Build a delivery of the one subject of its trigger."""
    at = NOW + timedelta(seconds=seconds)
    actor, source = {"kind": "uploader"}, {"shape": "obs"}
    return Delivery(key_of(key), trigger, trigger, at, actor, source, InlineSpec(""))


def ordered(delivery: Delivery, spec: SpecSource = V1, valid_for: int | None = None) -> Order:
    """Build an order of one job."""
    name = f"job-{delivery.key[:8]}"
    job = PlannedJob(key_of(["job", delivery.key]), 1, name, "node_upgrade", "{}", valid_for)
    return Order(delivery, spec, Plan((job,), (Problem("doubtful"),)), ALLOWED)


def plan(log: SqliteLog, order: Order) -> Any:  # noqa: ANN401 - a state or None
    """Receive and plan an order; return the other run that has its jobs."""
    log.commit(receive(order.delivery))
    run = log.commit(plan_it(order, RULES)).value.run
    return None if run and run.key == order.delivery.key else run


def settle(log: SqliteLog, order: Order, answer: Created | Refused) -> None:
    """Bring an order's job to its end."""
    key = order.plan.jobs[0].key
    log.commit(claim(key, date=timestamp(NOW), lease=timedelta(60)))
    log.commit(record(key, 1, answer))


def actions(log: SqliteLog) -> list[str]:
    """Return the actions recorded so far."""
    return [str(one.fields["action"]) for one in log.records()]


def test_a_new_delivery_is_received(log: SqliteLog) -> None:
    """It is processed."""
    assert log.commit(receive(fired("a"))).value.is_received
    assert actions(log) == ["delivery.received"]


def test_a_delivery_without_a_stored_plan_starts_over(log: SqliteLog) -> None:
    """An instance died in between; the second try is on record, too."""
    log.commit(receive(fired("a")))
    again = log.commit(receive(fired("a")))
    assert again.value.is_received
    assert "started over" in str(again.records[0].fields["note"])


def test_a_delivery_that_is_planned_is_repeated(log: SqliteLog) -> None:
    """Its state comes back, jobs and all."""
    order = ordered(fired("a"))
    assert plan(log, order) is None
    seen = log.commit(receive(order.delivery)).value.run
    assert seen
    assert seen.state == "planned"
    assert [job.state for job in seen.jobs] == ["planned"]
    assert actions(log)[-1] == "delivery.repeated"
    assert list(log.records())[-1].fields["note"] == "received again; no new job"


def test_a_plan_is_one_commit_with_its_bodies_in_the_outbox(log: SqliteLog) -> None:
    """Either all of it is stored or nothing."""
    order = ordered(fired("a"))
    log.commit(receive(order.delivery))
    records = log.commit(plan_it(order, RULES)).records
    assert [one.fields["action"] for one in records] == ["delivery.planned", "job.planned"]
    assert len({str(one.fields["commit"]) for one in records}) == 1
    assert log.bodies([order.plan.jobs[0].key]).get(order.plan.jobs[0].key) == "{}"


def test_a_plan_names_the_bytes_and_the_object_they_came_from(log: SqliteLog) -> None:
    """The log shows which version was read, and the warnings about it."""
    order = ordered(fired("a"))
    log.commit(receive(order.delivery))
    planned: Any = log.commit(plan_it(order, RULES)).records[0].fields
    assert planned["delivery"]["digest"] == sha256_hex(b"v1")
    assert planned["source"] == {"shape": "obs", "read_etag": "e1", "read_size": 2}
    assert (planned["delivery"]["jobs"], planned["note"]) == (1, "doubtful")


@pytest.mark.parametrize(("own", "hours"), [(None, 6), (3600, 1)])
def test_a_job_is_valid_as_long_as_its_spec_says_or_else_the_setting(
    log: SqliteLog, own: int | None, hours: int
) -> None:
    """Counted by the store's clock, from the plan."""
    order = ordered(fired("a"), valid_for=own)
    plan(log, order)
    job = log.read(lambda view: view.job(order.plan.jobs[0].key))
    assert job
    assert job.valid_until == timestamp(NOW + timedelta(hours=hours))


def test_planning_twice_plans_once(log: SqliteLog) -> None:
    """Two instances had received the delivery; the second finds the first one's plan."""
    order = ordered(fired("a"))
    plan(log, order)
    second = log.commit(plan_it(order, RULES))
    assert second.value
    assert second.records == ()


def test_the_same_bytes_dropped_again_are_not_planned(log: SqliteLog) -> None:
    """The new delivery repeats the object's latest run."""
    first, again = ordered(fired("a")), ordered(fired("b"))
    plan(log, first)
    run = plan(log, again)
    assert run.key == first.delivery.key
    state = log.read(lambda view: view.delivery(again.delivery.key))
    assert state
    assert state.state == "repeated"


def test_other_bytes_are_a_new_run_and_so_are_the_first_ones_after_them(log: SqliteLog) -> None:
    """v1, v2, v1 runs three times: only the latest run counts."""
    specs = (V1, V2, V1)
    assert [plan(log, ordered(fired(str(n)), spec)) for n, spec in enumerate(specs)] == [None] * 3


def test_a_refused_file_may_be_dropped_again(log: SqliteLog) -> None:
    """Its run left nothing on the fleet."""
    first = ordered(fired("a"))
    plan(log, first)
    settle(log, first, Refused("no", 400, ""))
    assert plan(log, ordered(fired("b"))) is None


def test_a_created_job_keeps_the_same_file_from_running_again(log: SqliteLog) -> None:
    """The job exists."""
    first = ordered(fired("a"))
    plan(log, first)
    settle(log, first, Created("4d1c"))
    assert plan(log, ordered(fired("b"))).final


@pytest.mark.parametrize(("seconds", "new"), [(0, False), (30, False), (-30, False), (31, True)])
def test_timer_events_in_the_window_are_one_run(log: SqliteLog, seconds: int, new: bool) -> None:  # noqa: FBT001 - a column of the table
    """In either order, the limit included."""
    plan(log, ordered(fired("a", "timer")))
    assert (plan(log, ordered(fired("b", "timer", seconds))) is None) == new


def test_a_timer_event_without_a_readable_time_is_a_run_of_its_own(log: SqliteLog) -> None:
    """The distance of two is unknown."""
    plan(log, ordered(fired("a", "timer")))
    timeless = fired("b", "timer")._replace(fired_at=None)
    assert plan(log, ordered(timeless)) is None


def test_specs_handed_over_directly_differ_by_their_keys_alone(log: SqliteLog) -> None:
    """They share a subject, which says nothing."""
    plan(log, ordered(fired("a", "direct")))
    assert plan(log, ordered(fired("b", "direct"))) is None


@pytest.mark.parametrize(
    ("action", "state", "outcome"),
    [
        ("delivery.ignored", "ignored", "success"),
        ("delivery.rejected", "rejected", "failure"),
        ("spec.rejected", "rejected", "failure"),
    ],
)
def test_a_delivery_without_jobs_is_closed_once(
    log: SqliteLog, action: str, state: str, outcome: str
) -> None:
    """And answered from the log from then on."""
    delivery = fired("a")
    log.commit(receive(delivery))
    close = settle_without_jobs(delivery, action, "because")
    (closed,) = log.commit(close).records
    assert (closed.fields["outcome"], closed.fields["note"]) == (outcome, "because")
    assert log.commit(close).records == ()
    seen = log.commit(receive(delivery)).value.run
    assert seen
    assert (seen.state, seen.note) == (state, "because")


def test_a_planned_delivery_cannot_be_rejected_any_more(log: SqliteLog) -> None:
    """Another instance read the object a moment earlier, and found it valid."""
    order = ordered(fired("a"))
    plan(log, order)
    late = settle_without_jobs(order.delivery, "spec.rejected", "no")
    assert log.commit(late).records == ()


def test_an_interrupted_delivery_starts_over(log: SqliteLog) -> None:
    """No plan was stored."""
    log.commit(receive(fired("a")))
    log.commit(interrupted(fired("a"), "the bucket did not answer"))
    assert log.commit(receive(fired("a"))).value.is_received


def test_an_interruption_does_not_undo_a_plan(log: SqliteLog) -> None:
    """Two instances side by side: one got through."""
    order = ordered(fired("a"))
    plan(log, order)
    log.commit(interrupted(order.delivery, "no answer"))
    state = log.read(lambda view: view.delivery(order.delivery.key))
    assert state
    assert state.state == "planned"


def test_a_rejected_event_is_recorded_with_every_problem(log: SqliteLog) -> None:
    """One line each."""
    problems = [Problem("missing", "a"), Problem("missing", "b")]
    rejected = reject_event(key_of("x"), problems, source={"shape": "unknown"})
    (kept,) = log.commit(rejected).records
    assert kept.fields["note"] == "a: missing\nb: missing"
