"""Which faults are accepted and when they strike."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.emulator.faults import FaultRules, Timers, parse_faults

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

OPERATIONS = frozenset({"CreateBatchJob", "ListBatchJob"})
CUT: dict[str, Json] = {"operation": "CreateBatchJob", "fault": "cut"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def faults(*given: Json) -> FaultRules:
    """Build faults that are set."""
    built = FaultRules(OPERATIONS)
    built.set(list(given))
    return built


def test_every_field_is_read() -> None:
    """As the module's description names them."""
    fault: dict[str, Json] = {
        "operation": "CreateBatchJob",
        "fault": "status",
        "status": 429,
        "seconds": 1.5,
        "after": True,
        "times": 3,
        "skip": 2,
        "probability": 0.3,
        "seed": 7,
    }
    [rule] = parse_faults([fault], OPERATIONS)
    assert rule.model_dump() == fault


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "Unknown"}, "operation must be one of"),
        ({"operation": 1}, "operation: must be text"),
        ({"fault": "explode"}, "fault: must be one of"),
        ({"status": 200}, "status: must be"),
        ({"seconds": -1}, "seconds: must be"),
        ({"seconds": float("nan")}, "seconds: must be"),
        ({"after": 1}, "after: must be true or false"),
        ({"times": 0}, "times: must be"),
        ({"times": True}, "times: must be"),
        ({"probability": 1.1}, "probability: must be"),
        ({"seed": "x"}, "seed: must be"),
        ({"typo": 1}, "unknown field"),
        ({"model_config": 1}, "unknown field"),
        ({"seconds": 10**400}, "seconds: must be"),
        ({"fault": "delay"}, "delay needs seconds"),
        ({"fault": "late_commit"}, "late_commit needs seconds"),
        ({"fault": "stale_list", "seconds": 1}, "for ListBatchJob only"),
        ({"operation": "ListBatchJob", "fault": "duplicate_name"}, "for CreateBatchJob only"),
        ({"fault": "no_descriptions"}, "for ListBatchJob, ShowBatchJob only"),
        ({"fault": "long_signature"}, "long_signature needs seconds"),
        ({"fault": "append_anywhere"}, "for AppendObject only"),
    ],
)
def test_a_malformed_fault_is_named_by_place_and_reason(
    change: dict[str, Json], message: str
) -> None:
    """So that a mistake in a test does not pass as a service without faults."""
    with pytest.raises(ValueError, match=rf"fault 1: .*{message}"):
        parse_faults([CUT, CUT | change], OPERATIONS)


@pytest.mark.parametrize("value", [None, {}, "cut", [1], [{}], [{"operation": "ListBatchJob"}]])
def test_what_is_no_list_of_faults_is_refused(value: Json) -> None:
    """Each fault is an object with an operation and a kind."""
    with pytest.raises(ValueError, match="fault"):
        parse_faults(value, OPERATIONS)


@given(json_values)
def test_any_json_is_answered(value: Json) -> None:
    """Nonsense is refused with a message, not crashed upon."""
    if value == []:
        assert parse_faults(value, OPERATIONS) == ()
        return
    with pytest.raises(ValueError, match="fault"):
        parse_faults(value, OPERATIONS)


def test_a_malformed_list_leaves_the_faults_as_they_were() -> None:
    """Setting is all or nothing."""
    kept = faults(CUT)
    with pytest.raises(ValueError, match="fault 0"):
        kept.set([{"operation": "x"}])
    assert kept.select("CreateBatchJob").kinds == ("cut",)


def test_an_empty_list_clears() -> None:
    """Everything works again."""
    kept = faults(CUT)
    kept.set([])
    assert kept.select("CreateBatchJob").kinds == ()


def test_a_fault_strikes_its_operation_only() -> None:
    """Others are served."""
    kept = faults(CUT)
    assert (kept.select("ListBatchJob").ending, kept.select("CreateBatchJob").kinds) == (
        None,
        ("cut",),
    )


def test_a_fault_strikes_as_often_as_asked() -> None:
    """Then it is over, also for many threads at once."""
    kept = faults({**CUT, "times": 3})
    with ThreadPoolExecutor(8) as threads:
        active = list(threads.map(kept.select, ["CreateBatchJob"] * 50))
    assert sum(one.ending is not None for one in active) == 3
    assert "'struck': 3" in str(kept.view())


def test_the_same_seed_strikes_the_same_requests() -> None:
    """A run can be repeated."""
    runs = []
    for seed in (7, 7, 8):
        kept = faults({**CUT, "probability": 0.3, "seed": seed})
        runs.append([bool(kept.select("CreateBatchJob").kinds) for _ in range(100)])
    assert runs[0] == runs[1] != runs[2]
    assert 15 < sum(runs[0]) < 45


def test_of_several_endings_the_first_counts() -> None:
    """The second is kept for the next request."""
    kept = faults(
        {**CUT, "times": 1}, {"operation": "CreateBatchJob", "fault": "lost_answer", "times": 1}
    )
    kinds = [kept.select("CreateBatchJob").kinds for _ in range(3)]
    assert kinds == [("cut",), ("lost_answer",), ()]


def test_delays_and_quirks_add_to_an_ending() -> None:
    """A slow request may be lost as well."""
    slow: Json = {"operation": "CreateBatchJob", "fault": "delay", "seconds": 1.5}
    names: Json = {"operation": "CreateBatchJob", "fault": "duplicate_name"}
    active = faults(slow, names, slow, CUT).select("CreateBatchJob")
    assert (active.delay, active.deviations.duplicate_name, active.kinds[-1]) == (3.0, True, "cut")


def test_a_stale_list_lags() -> None:
    """By the longest of the lags."""
    lags: list[Json] = [
        {"operation": "ListBatchJob", "fault": "stale_list", "seconds": seconds}
        for seconds in (5, 60)
    ]
    assert faults(*lags).select("ListBatchJob").deviations.list_lag == 60


def test_a_wait_ends_when_the_emulator_stops() -> None:
    """Stopping does not take as long as the longest delay."""
    timers = Timers()
    started = time.monotonic()
    thread = Thread(target=timers.wait, args=(60,))
    thread.start()
    timers.stop()
    thread.join(5)
    assert time.monotonic() - started < 5


def test_something_is_done_later() -> None:
    """In a thread of its own."""
    timers, done = Timers(), Event()
    timers.schedule(0.01, done.set)
    assert done.wait(2)
    timers.stop()


def test_what_was_forgotten_is_not_done() -> None:
    """A reset leaves nothing of the time before it."""
    timers, done = Timers(), Event()
    timers.schedule(0.05, done.set)
    timers.cancel_all()
    assert not done.wait(0.1)


def test_nothing_is_started_after_the_stop() -> None:
    """No thread outlives the emulator."""
    timers, done = Timers(), Event()
    timers.stop()
    timers.schedule(0, done.set)
    assert not done.wait(0.05)
