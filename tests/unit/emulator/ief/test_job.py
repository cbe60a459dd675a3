"""A job through pause, restore and retry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from handler.emulator.ief.fleet import Fleet, Node
from handler.emulator.ief.job import (
    Job,
    StatusConflictError,
    last_change,
    paused,
    restored,
    retried,
    started,
    status,
    task_progress,
)
from handler.emulator.ief.job_simulation import JobConditions, JobSimulation

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

AT = 1000.0
# One at a time, each taking from 45 to 75 seconds after 25 seconds of waiting.
SLOW = JobSimulation(
    Fleet((Node("away", "away", state="UNCONNECTED"),)), job_seconds=100, parallelism=1
)
OVER = AT + 600
Change = Callable[[Job, float], Job]


def job(*targets: str, failing: frozenset[str] = frozenset()) -> Job:
    """Build a job that has started at 1000."""
    content: Json = {"target_type": "node", "targets": [{"target_id": one} for one in targets]}
    request: dict[str, Json] = {
        "job_name": "nightly",
        "job_type": "node_upgrade",
        "job_content": content,
    }
    return started(Job(str(UUID(int=1)), 1, AT, request), SLOW, JobConditions(failing))


def retry(one: Job, now: float, failing: frozenset[str] = frozenset()) -> Job:
    """Retry a job."""
    return retried(one, now, SLOW, JobConditions(failing))


RESTORE: Change = partial(restored, simulation=SLOW, conditions=JobConditions())


def statuses(one: Job, now: float) -> list[str]:
    """Return the statuses of the tasks."""
    return [task.status for task in task_progress(one, now).values()]


def test_a_job_waits_runs_and_succeeds() -> None:
    """Its tasks one after the other."""
    one = job("a", "b")
    seen = [status(one, AT + at) for at in (0, 24, 25, 90, 175)]
    assert seen == ["Waiting", "Waiting", "Running", "Running", "Successful"]
    assert statuses(one, AT + 30) == ["Running", "Waiting"]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [("", "Successful"), ("a", "Partially_successful"), ("ab", "Failed")],
)
def test_the_tasks_add_up_to_the_jobs_status(failing: str, expected: str) -> None:
    """All, some or none of them."""
    assert status(job("a", "b", failing=frozenset(failing)), OVER) == expected


def test_a_job_without_targets_is_done_at_once() -> None:
    """There is nothing to do."""
    assert status(job(), AT) == "Successful"


def test_a_job_times_out_after_ten_minutes() -> None:
    """The queue counts, and one task that is late is enough."""
    one = job("away", "b")
    assert status(one, OVER - 1) == "Running"
    assert status(one, OVER) == "Timed_out"
    assert statuses(one, OVER) == ["Timed_out", "Successful"]
    assert status(job(*(f"n{n}" for n in range(20))), OVER) == "Timed_out"


def test_a_paused_job_stops() -> None:
    """Stopping until what runs has ended or is cut off."""
    one = paused(job("a", "b"), AT + 30)
    assert (status(one, AT + 30), status(one, AT + 54)) == ("Stopping", "Stopping")
    assert (status(one, AT + 55), status(one, OVER * 2)) == ("Stopped", "Stopped")


def test_a_job_whose_last_task_ends_while_it_stops_is_done() -> None:
    """There is nothing left to continue."""
    one = job("a")
    done = last_change(one, OVER)
    stopping = paused(one, done - 1)
    assert (status(stopping, done - 0.5), status(stopping, done)) == ("Stopping", "Successful")


def test_a_restored_job_does_what_was_cut_off() -> None:
    """And nothing twice: finished tasks stay finished."""
    one = paused(job("a", "b", "c"), AT + 80)
    stopped = AT + 400
    before = statuses(one, stopped)
    one = RESTORE(one, stopped)
    assert before == ["Successful", "Stopped", "Stopped"]
    assert status(one, stopped) == "Waiting"
    assert statuses(one, stopped) == ["Successful", "Waiting", "Waiting"]
    assert status(one, stopped + 175) == "Successful"


def test_the_ten_minutes_go_on_after_a_pause() -> None:
    """The time of the pause does not count."""
    one = RESTORE(paused(job("away"), AT + 100), AT + 5000)
    assert status(one, AT + 5000 + 474) == "Running"
    assert status(one, AT + 5000 + 475) == "Timed_out"


def test_a_retried_job_repeats_what_did_not_succeed() -> None:
    """With ten minutes of its own."""
    one = retry(job("a", "b", failing=frozenset("b")), OVER)
    assert statuses(one, OVER) == ["Successful", "Waiting"]
    assert status(one, OVER + 100) == "Successful"


def test_a_job_that_timed_out_can_be_retried() -> None:
    """Again and again."""
    one = job("away", "b")
    for number in range(1, 4):
        assert status(one, AT + number * 600) == "Timed_out"
        one = retry(one, AT + number * 600)
        assert statuses(one, AT + number * 600) == ["Waiting", "Successful"]


def test_a_retry_may_fail_again() -> None:
    """Its outcome is drawn again."""
    one = retry(job("a", failing=frozenset("a")), OVER, frozenset("a"))
    assert status(one, OVER + 100) == "Failed"


WAITING, RUNNING = (job("a", "b"), AT), (job("a", "b"), AT + 30)
STOPPING, STOPPED = (
    (paused(job("a", "b"), AT + 30), AT + 31),
    (paused(job("a", "b"), AT + 30), OVER),
)
DONE, FAILED = (job("a"), OVER), (job("a", failing=frozenset("a")), OVER)


@pytest.mark.parametrize(
    ("change", "refusing"),
    [
        (paused, [WAITING, STOPPING, STOPPED, DONE, FAILED]),
        (RESTORE, [WAITING, RUNNING, STOPPING, DONE, FAILED]),
        (retry, [WAITING, RUNNING, STOPPING, STOPPED, DONE]),
    ],
)
def test_an_operation_that_the_status_forbids_is_refused(
    change: Change, refusing: list[tuple[Job, float]]
) -> None:
    """The error names the status and those that would do."""
    for one, now in refusing:
        with pytest.raises(StatusConflictError, match=f"the job is {status(one, now)}; it must be"):
            change(one, now)


def test_the_last_change_moves_with_the_tasks() -> None:
    """From its creation to its last task's end."""
    one = job("a", "b")
    seen = [last_change(one, AT + at) for at in (10, 30, OVER)]
    assert seen[:2] == [AT, AT + 25]
    assert status(one, seen[2]) == "Successful"
    assert status(one, seen[2] - 0.1) == "Running"
