"""What is decided about deliveries that come late, out of order, or were exchanged meanwhile."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from handler.audit.retention import forget
from handler.audit.sql.sqlite import SqliteLog
from handler.deliveries.approval import approve, reject_late
from handler.deliveries.decisions import SpecSource, interrupted, plan_it, reject_tampered
from handler.deliveries.receiving import receive
from handler.errors import Problem
from handler.jobs.claiming import claim_planned
from handler.jobs.decisions import Deferred, abandon, claim, record
from handler.jobs.settlement import settle
from handler.values.canonical_json import key_of, sha256_hex, timestamp
from tests.support.clock import Clock
from tests.unit.deliveries.test_approval import NEEDED
from tests.unit.deliveries.test_decisions import NOW, RULES, fired, ordered, plan
from tests.unit.jobs.test_settlement import SENDER, listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.state import DeliveryState
    from handler.deliveries.decisions import Order

OPERATOR = {"kind": "operator"}


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock(NOW)


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[SqliteLog]:
    """An empty log."""
    with closing(SqliteLog(tmp_path / "audit.db", clock=clock)) as opened:
        yield opened


def state_of(log: SqliteLog, name: str) -> DeliveryState:
    """Return the state of the delivery that was fired under a name."""
    found = log.read(lambda view: view.delivery(key_of(name)))
    assert found
    return found


def first_job(log: SqliteLog, order: Order) -> JobState:
    """Return the state of an order's first job."""
    found = log.read(lambda view: view.job(order.plan.jobs[0].key))
    assert found
    return found


def awaiting(log: SqliteLog) -> Order:
    """Plan an order that awaits an approval; return it."""
    order = ordered(fired("a"))._replace(policy=NEEDED)
    log.commit(receive(order.delivery))
    log.commit(plan_it(order, RULES))
    return order


def versioned(name: str, named: str, read: str, seconds: float) -> Order:
    """Return the order of an upload whose event names one version, and another may be read."""
    delivery = fired(name, seconds=seconds)
    delivery = delivery._replace(source={"shape": "obs", "version_id": named})
    return ordered(delivery, SpecSource(read.encode(), {"read_version_id": read}))


@pytest.mark.parametrize("interruptions", [0, 1, 3])
def test_a_job_that_is_planned_late_is_valid_from_its_receipt(
    log: SqliteLog, clock: Clock, interruptions: int
) -> None:
    """However often it starts over: last night's upgrade does not run at noon."""
    order = ordered(fired("a"))
    log.commit(receive(order.delivery))
    for _ in range(interruptions):
        clock.now += timedelta(hours=5)
        log.commit(receive(order.delivery))
        log.commit(interrupted(order.delivery, "no answer"))
    clock.now += timedelta(hours=5)
    log.commit(plan_it(order, RULES))
    assert first_job(log, order).valid_until == timestamp(NOW + RULES.valid_for)


def test_an_older_version_of_an_object_is_not_run_after_a_later_one(log: SqliteLog) -> None:
    """Whatever else is wrong with it."""
    plan(log, versioned("new", "v2", "v2", 60))
    plan(log, versioned("old", "v1", "v1", 0)._replace(unknown=(Problem("no such node"),)))
    assert state_of(log, "old").state == "ignored"


@pytest.mark.parametrize(("named", "read", "seconds"), [("v1", "v3", -60), ("v1", "v1", 0)])
def test_what_is_not_older_is_run(log: SqliteLog, named: str, read: str, seconds: float) -> None:
    """A current object that was read instead of its version, and an upload at the same moment."""
    plan(log, versioned("first", "v2", "v2", 0))
    plan(log, versioned("second", named, read, seconds))
    assert state_of(log, "second").state == "planned"


def test_a_delivery_that_was_planned_meanwhile_is_not_rejected(log: SqliteLog) -> None:
    """Its body has left the outbox, which is no exchange."""
    order = ordered(fired("a"))
    log.commit(receive(order.delivery))
    seen = state_of(log, "a")
    log.commit(plan_it(order, RULES))
    assert log.commit(reject_tampered(seen, is_gone=True)).records == ()


def test_an_approval_counts_for_the_approved_bytes_alone(log: SqliteLog) -> None:
    """The object was written again after it."""
    order = awaiting(log)
    log.commit(approve([order.delivery.key], order.spec.digest, actor=OPERATOR))
    log.commit(plan_it(order._replace(spec=SpecSource(b"other bytes", {})), RULES))
    assert state_of(log, "a").state == "awaiting"


def test_an_approval_of_other_bytes_approves_nothing(log: SqliteLog) -> None:
    """The awaited spec changed between its reading and the commit."""
    order = awaiting(log)
    decide = approve([order.delivery.key], sha256_hex("another spec"), actor=OPERATOR)
    assert log.commit(decide).value == ()


def test_an_approval_is_awaited_no_longer_than_the_operator_allows(log: SqliteLog) -> None:
    """A spec may say less, not more."""
    order = ordered(fired("a"), valid_for=48 * 3600)._replace(policy=NEEDED)
    log.commit(receive(order.delivery, plan_it(order, RULES)))
    assert state_of(log, "a").awaits_until == timestamp(NOW + RULES.valid_for)


def test_a_delivery_that_awaits_approval_is_never_forgotten(log: SqliteLog, clock: Clock) -> None:
    """It is open."""
    awaiting(log)
    clock.now += timedelta(days=100)
    forget(log, timedelta(days=90))
    assert state_of(log, "a").state == "awaiting"


def test_the_same_bytes_are_run_again_once_their_job_was_abandoned(log: SqliteLog) -> None:
    """As the messages of the log advise."""
    first = ordered(fired("a"))
    plan(log, first)
    log.commit(abandon(first.plan.jobs[0].key, "wrong", actor={"kind": "operator"}))
    assert plan(log, ordered(fired("b", seconds=60))) is None


def test_another_event_of_an_upload_whose_job_was_abandoned_is_no_new_run(
    log: SqliteLog, clock: Clock
) -> None:
    """The bucket scan found it first, and a person gave it up: its late event changes nothing."""
    scanned = ordered(fired("scan"))
    clock.now += timedelta(seconds=60)
    plan(log, scanned)
    log.commit(abandon(scanned.plan.jobs[0].key, "wrong", actor=OPERATOR))
    run = plan(log, ordered(fired("event")))
    assert (run.key, state_of(log, "event").state) == (scanned.delivery.key, "repeated")


def test_a_version_that_was_replaced_before_a_rollback_is_not_run_after_it(log: SqliteLog) -> None:
    """Good, bad, good: the last upload repeats the first, and the event of the bad one is late."""
    good = versioned("first", "v1", "v1", 0)
    plan(log, good)
    again = versioned("rollback", "v3", "v3", 120)
    found = {"read_version_id": "v3", "read_etag": "t"}
    plan(log, again._replace(spec=SpecSource(good.spec.data, found)))
    assert state_of(log, "rollback").state == "repeated"
    plan(log, versioned("bad", "v2", "v2", 60))
    assert state_of(log, "bad").state == "ignored"


def test_a_file_that_was_not_approved_in_time_keeps_the_tag_of_what_was_read(
    log: SqliteLog, clock: Clock
) -> None:
    """Or an upload since, whose event was lost, would count as looked at."""
    order = ordered(fired("a"), SpecSource(b"v1", {"read_etag": "t"}))._replace(policy=NEEDED)
    log.commit(receive(order.delivery))
    log.commit(plan_it(order, RULES))
    clock.now += RULES.valid_for + timedelta(seconds=1)
    log.commit(reject_late([order.delivery.key]))
    assert (state_of(log, "a").state, state_of(log, "a").etag) == ("rejected", "t")


def test_an_exchanged_job_expires_like_any_other(log: SqliteLog, clock: Clock) -> None:
    """It is not sent, and does not wait for ever."""
    order = ordered(fired("a"))
    plan(log, order)
    clock.now += timedelta(hours=7)
    lease = timedelta(seconds=60)
    log.commit(
        claim_planned(order.plan.jobs[0].key, body="other", date=timestamp(NOW), lease=lease)
    )
    assert first_job(log, order).state == "expired"


def test_a_refusal_before_the_last_attempt_says_nothing_about_it(
    log: SqliteLog, clock: Clock
) -> None:
    """The job is absent, and sent again; it was not refused."""
    order = ordered(fired("a"))
    plan(log, order)
    key, lease = order.plan.jobs[0].key, timedelta(seconds=60)
    log.commit(claim(key, date=timestamp(NOW), lease=lease))
    log.commit(record(key, 1, Deferred("forbidden", 403)))
    log.commit(claim(key, date=timestamp(NOW), lease=lease))
    clock.now += timedelta(seconds=1300)
    (job,) = log.commit(settle([key], listing(began=clock.now), SENDER)).value
    assert job.state == "absent"
