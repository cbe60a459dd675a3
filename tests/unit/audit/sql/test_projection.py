"""The state in SQL: what a view answers, and that it is nothing but the records."""

from __future__ import annotations

import tempfile
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.audit.log import Decision, Open
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.audit.verification.verdict import verify
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
from handler.jobs.decisions import Answer, Created, Deferred, Refused, Unknown, claim, defer, record
from handler.jobs.hold import hold, release
from handler.policy.verdict import ALLOWED
from handler.specs.planner import Plan, PlannedJob
from handler.triggers.delivery import Delivery, InlineSpec
from tests.support.depth import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.audit.log import Decide, View
    from handler.audit.sql.view import SqlView

Planned: TypeAlias = "Callable[..., Decide[None]]"
START = datetime(2026, 11, 23, 2, tzinfo=timezone.utc)
RULES = Rules(valid_for=timedelta(hours=6), window=timedelta(seconds=30))


def said(action: str, job: str, **parts: Any) -> Decide[None]:  # noqa: ANN401 - any part of a record
    """Decide to append one record of a job."""
    draft = Draft(
        action=action, outcome="success", delivery={"key": "d"}, job={"key": job}, **parts
    )
    return lambda _view: Decision(None, (draft,))


def test_a_delivery_comes_with_its_jobs_in_the_order_of_the_file(
    log: SqliteLog, planned: Planned
) -> None:
    """Whatever their keys are."""
    log.commit(planned("d", "z", "a", "m"))
    log.commit(planned("other", "b"))
    found = log.read(lambda view: view.delivery("d"))
    assert found
    assert [(job.key, job.document) for job in found.jobs] == [("z", 1), ("a", 2), ("m", 3)]


def test_what_was_never_recorded_is_not_there(log: SqliteLog) -> None:
    """None, for every question."""
    found = log.read(lambda view: (view.delivery("d"), view.job("j"), view.latest_run("s")))
    assert found == (None, None, None)
    assert log.read(lambda view: view.open(5)) == Open((), (), (), ())
    assert log.read(lambda view: (view.jobs_by_id([""]), view.latest_read("s"))) == ((), None)


@pytest.mark.parametrize("final", ["created", "refused", "adopted", "expired", "abandoned"])
def test_the_body_goes_once_its_job_is_final(log: SqliteLog, planned: Planned, final: str) -> None:
    """It holds values that nobody needs any more; the other job keeps its own."""
    log.commit(planned("d", "one", "two"))
    log.commit(said(f"job.{final}", "one"))
    assert log.bodies(["one", "two"]) == {"two": '{"body": "two"}'}


@pytest.mark.parametrize("word", ["deferred", "unknown", "absent"])
def test_the_body_stays_while_its_job_is_open(log: SqliteLog, planned: Planned, word: str) -> None:
    """It is what a later try will send."""
    log.commit(planned("d", "one"))
    log.commit(said(f"job.{word}", "one"))
    assert log.bodies(["one"]).get("one") == '{"body": "one"}'


def test_open_jobs_come_longest_untouched_first(log: SqliteLog, planned: Planned) -> None:
    """So that none starves behind the others; final ones are left out."""
    for key in "abcd":
        log.commit(planned(f"d{key}", key))
    log.commit(said("job.deferred", "a"))
    log.commit(said("job.created", "c"))
    assert [job.key for job in log.read(lambda view: view.open(9).jobs)] == ["b", "d", "a"]
    assert [job.key for job in log.read(lambda view: view.open(1).jobs)] == ["b"]


@pytest.mark.parametrize(
    ("word", "latest"),
    [("created", "second"), ("deferred", "second"), ("refused", "first"), ("expired", "first")],
)
def test_the_latest_run_is_the_last_that_left_something(
    log: SqliteLog, planned: Planned, word: str, latest: str
) -> None:
    """A run whose jobs all died does not count: the same file may be dropped again."""
    log.commit(planned("first", "a"))
    log.commit(planned("second", "b"))
    log.commit(planned("elsewhere", "c", subject="obs://b/other"))
    log.commit(said(f"job.{word}", "b"))
    run = log.read(lambda view: view.latest_run("obs://b/k"))
    assert run
    assert run.key == latest


def test_a_stray_record_of_an_unknown_job_changes_nothing(log: SqliteLog) -> None:
    """It is in the log, and in no state."""
    log.commit(said("job.created", "never planned"))
    assert log.read(lambda view: view.job("never planned")) is None


def test_a_damaged_state_is_rebuilt(log: SqliteLog, planned: Planned) -> None:
    """The records are the truth, the tables beside them are not."""
    log.commit(planned("d", "a", "b"))
    log.commit(said("job.created", "a", response={"job_id": "id"}))
    before = contents(log)
    for statement in ("UPDATE jobs SET state = 'planned', todo = 'send'", "DELETE FROM deliveries"):
        log.commit(lambda view, sql=statement: Decision(cast("SqlView", view).execute(sql)))  # type: ignore[misc]
    assert contents(log) != before
    log.rebuild()
    assert contents(log) == before


def contents(log: SqliteLog) -> list[list[tuple[object, ...]]]:
    """Return every row of the state."""
    tables = ("deliveries", "jobs", "outbox ORDER BY key", "switches ORDER BY name")

    def rows(view: View) -> list[list[tuple[object, ...]]]:
        execute = cast("SqlView", view).execute
        return [[*execute(f"SELECT * FROM {table}")] for table in tables]  # noqa: S608 - from above

    return [sorted(table, key=str) for table in log.read(rows)]


ANSWERS: dict[str, Answer] = {
    "created": Created("id-1"),
    "again": Created("id-2"),
    "refused": Refused("no", 400, "IEF.1"),
    "deferred": Deferred("later", 429),
    "unknown": Unknown("cut"),
}
NAMES = st.sampled_from(["x", "y", "z"])
STEPS = st.one_of(
    st.tuples(
        st.sampled_from(
            ["receive", "plan", "reject", "ignore", "interrupt", "strange", "hold", "release"]
        ),
        NAMES,
    ),
    st.tuples(st.sampled_from(["claim", "defer", "absent", "expired", *ANSWERS]), NAMES),
)


def delivery(name: str) -> Delivery:
    """Return a delivery; `x` and `y` are of one object."""
    subject = "obs://b/other" if name == "z" else "obs://b/k"
    return Delivery(f"d-{name}", "object", subject, START, {}, {"shape": "obs"}, InlineSpec(name))


def order(name: str) -> Order:
    """Return what a delivery asks for: two jobs, of which the steps move the first."""
    jobs = [
        PlannedJob(key, number, f"name-{key}", "app_deployment", "{}", None)
        for number, key in enumerate((name, f"{name}2"), 1)
    ]
    return Order(delivery(name), SpecSource(name.encode(), {}), Plan(tuple(jobs), ()), ALLOWED)


def decision(step: str, name: str) -> Decide[Any]:
    """Return the decision that a step stands for."""
    if step in ANSWERS:
        return lambda view: record(name, attempt(view, name), ANSWERS[step])(view)
    steps: dict[str, Callable[[], Decide[Any]]] = {
        "receive": lambda: receive(delivery(name)),
        "plan": lambda: plan_it(order(name), RULES),
        "reject": lambda: settle_without_jobs(delivery(name), "spec.rejected", "no"),
        "ignore": lambda: settle_without_jobs(delivery(name), "delivery.ignored", "no"),
        "interrupt": lambda: interrupted(delivery(name), "later"),
        "strange": lambda: reject_event(f"s-{name}", [Problem("no")], source={}),
        "claim": lambda: claim(name, date="date", lease=timedelta(seconds=3)),
        "defer": lambda: defer(name, "no time"),
        "absent": lambda: settled(name, "absent"),
        "expired": lambda: settled(name, "expired"),
        "hold": lambda: hold(name, actor={}),
        "release": lambda: release(actor={}),
    }
    return steps[step]()


def attempt(view: View, key: str) -> int:
    """Return the number of a job's latest attempt."""
    job = view.job(key)
    return job.attempt if job else 0


def settled(key: str, word: str) -> Decide[None]:
    """Decide what a look at the list or at the clock leads to, for a job that is open."""

    def decide(view: View) -> Decision[None]:
        job = view.job(key)
        if job is None or job.final:
            return Decision(None)
        return said(f"job.{word}", key)(view)

    return decide


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_the_state_is_nothing_but_the_records(steps: list[tuple[str, str]]) -> None:
    """Folded again it is the same, whatever happened; bodies are there for open jobs alone."""
    ticks = count()
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder, "a.db"), clock=lambda: START + timedelta(seconds=next(ticks)))
        with closing(log):
            for step, name in steps:
                with suppress(LookupError):  # a job that is not planned yet
                    log.commit(decision(step, name))
            before = contents(log)
            log.rebuild()
            assert contents(log) == before
            assert verify(log.records()).whole
            left = log.read(lambda view: view.open(99))
            still_open = {job.key for job in left.jobs} | {one.key for one in left.deliveries}
            assert {row[0] for row in before[2]} <= still_open
            assert {row[0] for row in before[2]} >= {job.key for job in left.jobs}
