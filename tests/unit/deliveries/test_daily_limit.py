"""`jobs_per_day`: how many jobs may be planned under one rule in 24 hours."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.sql.sqlite import SqliteLog
from handler.cli.open_stores import open_any_log
from handler.deliveries.decisions import Order, Rules, SpecSource, plan_it
from handler.deliveries.receiving import receive
from handler.jobs.decisions import Refused, claim, record
from handler.policy.verdict import DailyLimit, PolicyDecision
from handler.specs.planner import Plan, PlannedJob
from handler.triggers.delivery import Delivery, InlineSpec
from handler.values.canonical_json import key_of, timestamp
from tests.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handler.audit.log import Log
    from tests.conftest import Drop, Environ, Fire

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
RULES = Rules(timedelta(hours=6), timedelta(seconds=30))
LIMIT = PolicyDecision("p" * 64, 1, limit=DailyLimit(3, "rule 1 of the policy (everyone)"))
OTHER_RULE, OTHER_POLICY = LIMIT._replace(rule=2), LIMIT._replace(policy="q" * 64)


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


def ordered(name: str, jobs: int, policy: PolicyDecision = LIMIT) -> Order:
    """Return an order of some jobs in a file of its own."""
    key, subject = key_of(name), f"obs://bucket/{name}"
    delivery = Delivery(key, "object", subject, NOW, {}, {"shape": "obs"}, InlineSpec(""))
    plan = tuple(
        PlannedJob(key_of([key, number]), number, f"{name}-{number}", "node_upgrade", "{}", None)
        for number in range(1, jobs + 1)
    )
    return Order(delivery, SpecSource(name.encode(), {}), Plan(plan, ()), policy)


def outcome(log: Log, order: Order) -> str:
    """Plan an order; return its delivery's state, or why it was rejected."""
    run = log.commit(receive(order.delivery, plan_it(order, RULES))).value.run
    assert run
    return run.note if run.state == "rejected" else run.state


def test_a_day_has_room_for_as_many_jobs_as_the_rule_says(log: SqliteLog, clock: Clock) -> None:
    """The refusal says when there is room again, and then there is."""
    assert outcome(log, ordered("a", 2)) == "planned"
    clock.now += timedelta(hours=1)
    assert outcome(log, ordered("b", 1)) == "planned"
    assert outcome(log, ordered("c", 2)) == (
        "2 more jobs, at most 3 in 24 hours: rule 1 of the policy (everyone) does not allow it; "
        "deliver it again after 2026-11-25T02:00:01Z"
    )
    clock.now = NOW + timedelta(hours=24) - timedelta(seconds=1)
    assert "after 2026-11-25T02:00:01Z" in outcome(log, ordered("d", 1))
    clock.now = NOW + timedelta(hours=24, seconds=1)
    assert outcome(log, ordered("e", 2)) == "planned"
    assert "after 2026-11-25T03:00:01Z" in outcome(log, ordered("f", 1))


def test_a_rejection_is_recorded_with_its_rule_and_plans_nothing(log: SqliteLog) -> None:
    """As every refusal of the policy."""
    outcome(log, ordered("a", 3))
    outcome(log, ordered("b", 1))
    last = list(log.records())[-1].fields
    said = last["delivery"]
    assert isinstance(said, dict)
    assert (last["action"], said["policy"], said["rule"]) == ("delivery.rejected", "p" * 64, 1)
    assert log.bodies([job.key for job in ordered("b", 1).plan.jobs]) == {}


def test_a_changed_policy_does_not_start_the_count_again(log: SqliteLog) -> None:
    """The jobs of a day are those of a source, whichever policy and rule number it had."""
    limit = LIMIT._replace(source="one source")
    assert outcome(log, ordered("a", 3, limit)) == "planned"
    moved = limit._replace(policy="q" * 64, rule=2)
    assert "at most 3 in 24 hours" in outcome(log, ordered("b", 1, moved))
    assert outcome(log, ordered("c", 3, moved._replace(source="another"))) == "planned"


def test_without_a_source_another_rule_and_another_policy_count_for_themselves(
    log: SqliteLog,
) -> None:
    """As in records of earlier versions."""
    assert outcome(log, ordered("a", 3)) == "planned"
    assert outcome(log, ordered("b", 3, OTHER_RULE)) == "planned"
    assert outcome(log, ordered("c", 3, OTHER_POLICY)) == "planned"
    assert "at most 3 in 24 hours" in outcome(log, ordered("d", 1, OTHER_RULE))


def test_what_repeats_a_run_needs_no_room(log: SqliteLog) -> None:
    """It plans nothing."""
    order = ordered("a", 3)
    outcome(log, order)
    again = order.delivery._replace(key=key_of("again"))
    outcome(log, order._replace(delivery=again))
    assert list(log.records())[-1].fields["action"] == "delivery.repeated"


def test_a_job_counts_whatever_became_of_it(log: SqliteLog) -> None:
    """A refused one was asked for, too."""
    order = ordered("a", 3)
    outcome(log, order)
    for job in order.plan.jobs:
        log.commit(claim(job.key, date=timestamp(NOW), lease=timedelta(60)))
        log.commit(record(job.key, 1, Refused("no", 400, "")))
    assert "at most 3 in 24 hours" in outcome(log, ordered("b", 1))


def test_orders_side_by_side_cannot_all_pass(store_address: str) -> None:
    """Four instances with two jobs each: there is room for one of them."""
    start = Barrier(4)
    open_any_log(store_address).close()

    def plan(name: str) -> str:
        log = open_any_log(store_address)
        start.wait()
        try:
            return outcome(log, ordered(name, 2))
        finally:
            log.close()

    with ThreadPoolExecutor(4) as instances:
        outcomes = sorted(instances.map(plan, "abcd"))
    assert [one[:6] for one in outcomes] == ["2 more"] * 3 + ["planne"]


def test_the_count_outlives_a_rebuild(store_address: str) -> None:
    """It is derived from the records."""
    log: Any = open_any_log(store_address)
    outcome(log, ordered("a", 2))
    log.rebuild()
    assert "at most 3 in 24 hours" in outcome(log, ordered("b", 2))
    assert outcome(log, ordered("c", 1)) == "planned"
    log.close()


def test_a_file_over_the_limit_is_rejected_through_the_function(
    environ: Environ, tmp_path: Path, fire: Fire, drop: Drop
) -> None:
    """The second of two files; and one that asks for more than a day's worth says so."""
    environ["NIGHTDROP_POLICY"] = str(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("rules: [{jobs_per_day: 1}]")
    job = {"kind": "node_upgrade", "name": "x", "targets": {"nodes": [{"id": "node-1"}]}}
    replies = [
        fire(drop(f"drop/{name}.yaml", json.dumps(content).encode()))
        for name, content in {"a": job, "b": job, "c": [job, job]}.items()
    ]
    assert [reply["outcome"] for reply in replies] == ["submitted", "rejected", "rejected"]
    assert replies[1]["errors"][0].startswith("1 more job, at most 1 in 24 hours: rule 1")
    (tmp_path / "policy.yaml").write_text("rules: [{from: {direct: true}}, {jobs_per_day: 1}]")
    again = fire(drop("drop/d.yaml", json.dumps(job).encode()))
    assert again["errors"][0].startswith("1 more job, at most 1 in 24 hours: rule 2")
    [error] = replies[2]["errors"]
    assert error.startswith("2 jobs in one file, at most 1 in 24 hours: rule 1 of the policy")


def test_a_rollout_counts_with_all_of_its_jobs(
    environ: Environ, tmp_path: Path, fire: Fire
) -> None:
    """Also with those that are planned later, wave after wave."""
    (tmp_path / "policy.yaml").write_text("rules: [{jobs_per_day: 10}]")
    environ["NIGHTDROP_POLICY"] = str(tmp_path / "policy.yaml")
    outcomes = []
    for number in range(3):
        nodes = [{"id": f"n-{number}-{place}"} for place in range(8)]
        rollout = {"max_targets_per_job": 1, "max_parallel_jobs": 1}
        spec = {"kind": "node_upgrade", "name": f"n{number}", "targets": {"nodes": nodes}}
        outcomes.append(fire({**spec, "rollout": rollout})["outcome"])
    assert outcomes == ["submitted", "rejected", "rejected"]
