"""After a storm and the reconciler runs that follow, every job exists exactly once.

`STORM=full` in the environment makes it 16 processes and 400 deliveries; `STORM_SEED` another one.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handler.specs.planner import mark_of
from tests.faults.kills.scene import scene
from tests.faults.storm import LATE_SECONDS, Size, Storm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = Size(16, 400) if os.environ.get("STORM") == "full" else Size(4, 64)
SEED = int(os.environ.get("STORM_SEED", "7"))
SIGNATURE_SECONDS = 3
SETTLE_AFTER = SIGNATURE_SECONDS + 2 * LATE_SECONDS + 1
"""What may be in flight, a late commit, a lagging list, and a second of rounding."""

SETTINGS = {
    "RUNTIME_TIMEOUT": "6",
    "NIGHTDROP_REQUEST_TIMEOUT": "1",
    "NIGHTDROP_SETTLE_AFTER": f"{SETTLE_AFTER}",
    "NIGHTDROP_SWEEP_FROM": "2000-01-01T00:00:00Z",  # files are dropped before the first record
}


@pytest.fixture(scope="module")
def storm(
    quick_address: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storm]:
    """A storm that has calmed down."""
    folder = tmp_path_factory.mktemp("storm")
    with scene(quick_address(), folder, SETTINGS, signature=SIGNATURE_SECONDS) as opened:
        raged = Storm(opened, SIZE, SEED, settling=SETTLE_AFTER)
        raged.run()
        _summary(raged)
        opened.emulator.faults.set([])
        opened.tick_until_quiet(pause=0.5)
        yield raged


def _summary(storm: Storm) -> None:
    struck: Counter[str] = Counter()
    for one in storm.scene.emulator.faults.view():
        assert isinstance(one, dict)
        struck[f"{one['operation']} {one['fault']}"] += int(str(one["struck"]))
    ends = Counter(child.status for child in storm.children)
    print(f"\n{SIZE}, processes by their end: {dict(ends)}, faults: {dict(struck)}")  # noqa: T201 - shown by -s


def test_every_job_exists_exactly_once(storm: Storm) -> None:
    """Each spec was planned once, and the cloud has one job with each plan's mark and id."""
    planned = storm.scene.planned()
    marks = Counter(str(job.request["description"]).split(" ")[0] for job in storm.scene.jobs())
    assert marks == {mark_of(job.key): 1 for job in planned}
    assert {job.job_id for job in planned} == {job.job_id for job in storm.scene.jobs()}
    assert {job.state for job in planned} <= {"created", "adopted"}
    assert len(planned) == storm.specs


def test_no_acknowledged_record_is_lost(storm: Storm) -> None:
    """Records durable for a process, whether it lived or was killed, are in one valid chain."""
    records = storm.scene.records()
    assert all(child.durable <= records.keys() for child in storm.children)


def test_every_dropped_file_has_its_result(storm: Storm) -> None:
    """With the id of its job and how it ended."""
    by_id = {job.job_id: job for job in storm.scene.planned()}
    for number in range(storm.specs):
        if number % 4:
            [reported] = storm.scene.result(f"drop/n{number}.json")["jobs"]
            assert reported["job_id"] in by_id
            assert reported["finished"] == "Successful"


def test_processes_were_killed_and_creations_failed_in_the_storm(storm: Storm) -> None:
    """Processes were killed, and none ended in another way; creations failed in every way."""
    ends = Counter(child.status for child in storm.children)
    assert set(ends) <= {0, -signal.SIGKILL}
    assert ends[-signal.SIGKILL] > 0
    seen = [one for one in storm.scene.emulator.state.requests if one.operation == "CreateBatchJob"]
    assert sum(bool(one.fault) for one in seen) > len(seen) / 5
