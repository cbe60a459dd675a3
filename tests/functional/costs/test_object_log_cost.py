"""The cost of an operation on a log in OBS does not grow with the log: counts, not times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.objects.append_position import SegmentLimits
from tests.benchmarks.object_log_cost import measured

if TYPE_CHECKING:
    from tests.benchmarks.object_log_cost import Cost

SHORT, LONG = 3, 9
ENTRY = 400
"""Bytes that a remembered run of one job adds to what a cold start reads, at most: its rows in the
snapshot; a run has about 3,000 bytes of records."""

PER_SEGMENT = 20
"""Runs in a segment."""


@pytest.fixture(scope="module")
def costs() -> list[dict[str, Cost]]:
    """The cost of each operation on a short and a long log, whose last segments are alike."""
    limits = SegmentLimits(appends=2 * PER_SEGMENT)
    return [dict(measured(segments, 5, limits, lost=(1, 8))) for segments in (SHORT, LONG)]


def test_an_event_reads_nothing(costs: list[dict[str, Cost]]) -> None:
    """Planned and claimed, answered, confirmed: there are only writes."""
    for cost in (one["event with one job"] for one in costs):
        assert (cost.read, cost.ief, cost.other) == (0, 1, 1)
        assert cost.log <= 5


def test_a_cold_start_with_its_event_is_ten_requests_and_a_checkpoint(
    costs: list[dict[str, Cost]],
) -> None:
    """Nothing is read twice, and the start of the instance has no request of its own."""
    for cost in (one["cold start and event"] for one in costs):
        assert cost.log <= 10
        assert (cost.ief, cost.other) == (1, 1)


def test_an_idle_reconciler_run_looks_once(costs: list[dict[str, Cost]]) -> None:
    """At the end of the log, at its checkpoints, and at the bucket; it writes nothing."""
    for cost in (one["idle tick"] for one in costs):
        assert (cost.log, cost.other, cost.ief, cost.read < 4096) == (1, 2, 0, True)


@pytest.mark.parametrize("number", [1, 8])
def test_a_reconciler_run_settles_many_jobs_in_few_requests(
    costs: list[dict[str, Cost]], number: int
) -> None:
    """Each job's body is removed from the outbox, each job is queried; the rest is shared."""
    for cost in (one[f"tick, {number} unknown"] for one in costs):
        assert cost.log <= 8 + 2 * number
        assert cost.read < 4096


@pytest.mark.parametrize(
    "operation",
    ["event with one job", "idle tick", "audit show, a recent job", "jobs abandon", "cold start",
     "cold start and event", "audit checkpoint", "audit show, the first job"],
)  # fmt: skip
def test_no_operation_grows_with_the_log(costs: list[dict[str, Cost]], operation: str) -> None:
    """The same requests, and no more bytes than the snapshot has grown by."""
    short, long = (one[operation] for one in costs)
    grown = (LONG - SHORT) * PER_SEGMENT * ENTRY
    assert (long.log, long.other) == (short.log, short.other)
    # The first segment of a log is as long as any, but for some bytes in its numbers and names.
    assert long.read <= 1.1 * short.read + grown


def test_a_command_reads_far_less_than_the_log(costs: list[dict[str, Cost]]) -> None:
    """Its ends, and the segments with the requested records."""
    whole = LONG * PER_SEGMENT * 3_000
    for operation in ("jobs abandon", "audit checkpoint", "audit show, the first job"):
        assert costs[1][operation].read < whole / 2
