"""The later one of two records is the one with the larger number, whatever a clock shows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.log import Decision
from handler.audit.objects.append_position import SegmentLimits
from handler.audit.objects.log import ObjectLog
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.deliveries.decisions import Order, Rules, SpecSource, plan_it
from handler.deliveries.receiving import receive
from handler.parsing import Limits as ReadingLimits
from handler.parsing import read
from handler.policy.verdict import ALLOWED
from handler.specs.planner import make_plan
from handler.triggers.delivery import Delivery, StoredSpec
from handler.values.canonical_json import key_of
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.memory_objects import MemoryObjects, StoredObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from handler.audit.log import Log

START = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
RULES = Rules(timedelta(hours=6), timedelta(seconds=30))
V1 = b"kind: node_upgrade\nname: a\ntargets: {nodes: [{id: n1}]}\n"
V2 = V1.replace(b"n1", b"n2")
STEPS_BACK = (-3600.0, -1.0, 0.0)


@dataclass
class Store:
    """A log, and how to move its clock by some seconds."""

    log: Log
    move: Callable[[float], None]


@pytest.fixture(params=["sqlite", "objects", "small objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A log of each kind whose clock the test moves; one archives closed runs at once."""
    if request.param == "sqlite":
        clock = [START]

        def move(seconds: float) -> None:
            clock[0] += timedelta(seconds=seconds)

        with closing(SqliteLog(tmp_path / "a.db", clock=lambda: clock[0])) as log:
            yield Store(log, move)
        return
    bucket = StoredObjects()

    def gain(seconds: float) -> None:
        bucket.seconds += seconds

    limits = SegmentLimits(appends=1) if request.param == "small objects" else SegmentLimits()
    with closing(ObjectLog(MemoryObjects(bucket), limits=limits)) as objects:
        yield Store(objects, gain)


def drop(log: Log, event: int, data: bytes) -> str:
    """Deliver an object with some bytes; return the outcome."""
    delivery = Delivery(
        key=key_of(["event", event]),
        trigger="object",
        subject="obs://b/k",
        fired_at=START,
        actor={"kind": "uploader"},
        source={"shape": "obs"},
        spec=StoredSpec("b", "k"),
    )
    log.commit(receive(delivery))
    plan = make_plan(delivery.key, read(data, ReadingLimits()))
    order = Order(delivery, SpecSource(data, {"read_etag": f"tag-{event}"}), plan, ALLOWED)
    run = log.commit(plan_it(order, RULES)).value.run
    return "planned" if run and run.key == delivery.key else "duplicate"


@pytest.mark.parametrize("step", STEPS_BACK)
def test_a_dropped_object_is_compared_with_the_last_one(store: Store, step: float) -> None:
    """v1, v2, v1 are three runs, and the second v1 in a row is none, after each step of a clock."""
    outcomes = []
    for event, data in enumerate((V1, V2, V2, V1, V1, V2)):
        outcomes.append(drop(store.log, event, data))
        store.move(step)
    assert outcomes == ["planned", "planned", "duplicate", "planned", "duplicate", "planned"]


@pytest.mark.parametrize("step", STEPS_BACK)
def test_the_latest_that_was_read_is_the_last_that_was_recorded(store: Store, step: float) -> None:
    """Whatever its outcome."""
    for event, data in enumerate((V1, V2, V2)):
        drop(store.log, event, data)
        store.move(step)
        latest = store.log.read(lambda view: view.latest_read("obs://b/k"))
        assert latest
        assert latest.key == key_of(["event", event])


@pytest.mark.parametrize("step", STEPS_BACK)
def test_work_is_done_in_the_order_of_its_records(store: Store, step: float) -> None:
    """The longest waiting delivery comes first, so that none starves after a clock was set back."""
    for number in range(4):
        name = f"d{number}"
        about = {"key": name, "trigger": "timer", "subject": name}
        add(store.log, Draft("delivery.received", "pending", about))
        store.move(step)
    left = store.log.read(lambda view: view.open(9))
    assert [one.key for one in left.deliveries] == ["d0", "d1", "d2", "d3"]
    for name in ("d2", "d0", "d3", "d1"):
        job = {"key": f"j-{name}", "name": "n", "type": "t", "document": 1}
        drafts: Any = (
            Draft("delivery.planned", "pending", {"key": name}),
            Draft("job.planned", "pending", {"key": name}, job=job, body="{}"),  # type: ignore[arg-type]
        )
        add(store.log, *drafts)
        store.move(step)
    left = store.log.read(lambda view: view.open(9))
    assert [job.delivery for job in left.jobs] == ["d2", "d0", "d3", "d1"]


def add(log: Log, *drafts: Draft) -> None:
    """Record these."""
    log.commit(lambda _view: Decision(None, drafts))


@given(st.lists(st.tuples(st.booleans(), st.integers(-7200, 7200)), max_size=12))
def test_any_clock_gives_the_same_runs_as_a_correct_one(drops: list[tuple[bool, int]]) -> None:
    """However far and how often it is set back or forward."""

    def outcomes(*, steady: bool) -> list[str]:
        clock = [START]
        results = []
        with closing(MemoryLog(lambda: clock[0])) as log:
            for event, (first, step) in enumerate(drops):
                results.append(drop(log, event, V1 if first else V2))
                clock[0] += timedelta(seconds=1 if steady else step)
        return results

    assert outcomes(steady=False) == outcomes(steady=True)


def test_decisions_of_one_commit_have_one_time(store: Store) -> None:
    """They differ only in their numbers, and that is enough."""
    moments: list[datetime] = []

    def look(view: Any) -> Any:  # noqa: ANN401 - a decision
        moments.append(view.now)
        return Decision(None, (Draft("log.noted", "success", note="x"),))

    done = store.log.commit_all([look, look, look])
    assert len(set(moments[-3:])) == 1
    assert [record.seq for one in done for record in one.records] == [1, 2, 3]
