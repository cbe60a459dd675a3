"""What becomes of the tasks of a run as time passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.emulator.ief.run import OUT_OF_REACH, OVERDUE, Progress, Run, Task, progress

STARTED = 1000.0


def run(
    *tasks: Task, parallelism: int = 2, allowed: float = 600, paused: float | None = None
) -> Run:
    """Build a run that waits 10 job seconds, at one job second a second."""
    return Run(STARTED, 1.0, 10, parallelism, allowed, 5, tasks, paused)


def statuses(one: Run, elapsed: float) -> list[str]:
    """Return the statuses after some job seconds."""
    return [
        progress_of.status for progress_of in progress(one, STARTED + elapsed / one.speed).values()
    ]


def test_a_task_waits_runs_and_ends() -> None:
    """At its times and not before."""
    one = run(Task(0, 20))
    seen = [statuses(one, at)[0] for at in (0, 9.9, 10, 29.9, 30, 1000)]
    assert seen == ["Waiting", "Waiting", "Running", "Running", "Successful", "Successful"]


def test_no_more_tasks_run_than_there_are_lanes() -> None:
    """The next begins when one has ended."""
    one = run(Task(0, 20), Task(1, 40), Task(2, 20))
    assert statuses(one, 10) == ["Running", "Running", "Waiting"]
    assert statuses(one, 30) == ["Successful", "Running", "Running"]
    assert statuses(one, 50) == ["Successful", "Successful", "Successful"]


def test_a_task_with_a_reason_fails() -> None:
    """Once its seconds are over."""
    one = run(Task(0, 20, "no space left"))
    assert statuses(one, 29) == ["Running"]
    assert progress(one, STARTED + 30)[0].reason == "no space left"
    assert statuses(one, 30) == ["Failed"]


def test_a_task_that_is_not_done_in_time_has_timed_out() -> None:
    """Tasks that are done by then stay done."""
    one = run(Task(0, 20), Task(1, 80), Task(2, 80), allowed=60)
    assert statuses(one, 59) == ["Successful", "Running", "Running"]
    assert statuses(one, 60) == ["Successful", "Timed_out", "Timed_out"]
    assert progress(one, STARTED + 60)[1].reason == OVERDUE


def test_a_task_out_of_reach_waits_and_takes_no_lane() -> None:
    """It waits for its node until the time is over."""
    one = run(Task(0, 20, reachable=False), Task(1, 20), parallelism=1, allowed=60)
    assert statuses(one, 30) == ["Waiting", "Successful"]
    assert progress(one, STARTED + 60)[0].reason == OUT_OF_REACH


def test_a_task_starts_when_its_node_is_back() -> None:
    """Meanwhile it takes no lane; if that is too late, its node was out of reach."""
    one = run(Task(0, 20, away=30), Task(1, 20), Task(2, 20, away=61), parallelism=1, allowed=60)
    assert statuses(one, 29) == ["Waiting", "Running", "Waiting"]
    assert statuses(one, 30) == ["Running", "Successful", "Waiting"]
    assert progress(one, STARTED + 60)[2].reason == OUT_OF_REACH


def test_a_late_task_succeeds_after_it_has_failed_or_timed_out() -> None:
    """From then on nothing changes any more."""
    one = run(Task(0, 20, "why", late=100), Task(1, 80, "why", late=100), allowed=60)
    assert statuses(one, 60) == ["Failed", "Timed_out"]
    assert statuses(one, 130) == ["Successful", "Timed_out"]
    assert progress(one, STARTED + 190)[1] == Progress("Successful", STARTED + 190)
    assert one.unchanging == STARTED + 190


def test_a_late_task_that_was_interrupted_stays_stopped() -> None:
    """It is restored, and then runs again."""
    one = run(Task(0, 80, "why", late=10), paused=28)
    assert statuses(one, 500) == ["Stopped"]


def test_after_a_pause_nothing_begins_and_what_does_not_end_soon_is_cut_off() -> None:
    """What ends within the grace has ended."""
    one = run(Task(0, 20), Task(1, 26), Task(2, 20), paused=28)
    assert statuses(one, 29) == ["Running", "Running", "Waiting"]
    assert statuses(one, 33) == ["Successful", "Stopped", "Stopped"]


def test_a_pause_does_not_outlast_the_allowed_time() -> None:
    """A job that is stopping when its time is over has timed out."""
    one = run(Task(0, 100), allowed=60, paused=58)
    assert statuses(one, 60) == ["Timed_out"]


@pytest.mark.parametrize("speed", [0.5, 60])
def test_job_seconds_pass_at_their_speed(speed: float) -> None:
    """Sixty of them in a second, or half of one."""
    one = replace(run(Task(0, 20)), speed=speed)
    assert progress(one, STARTED + 29 / speed)[0].status == "Running"
    ended = progress(one, STARTED + 31 / speed)[0]
    assert (ended.status, ended.since) == ("Successful", STARTED + 30 / speed)


TASKS = st.lists(
    st.tuples(st.floats(0, 50), st.sampled_from(["", "why"]), st.booleans(), st.floats(0, 70)),
    max_size=8,
).map(lambda active: tuple(Task(index, *one) for index, one in enumerate(active)))
ENDS = {"Successful", "Failed", "Stopped", "Timed_out"}


@settings(deadline=None)
@given(TASKS, st.integers(1, 3), st.none() | st.floats(0, 70), st.lists(st.floats(0, 80)))
def test_a_task_only_ever_goes_forward(
    tasks: tuple[Task, ...], parallelism: int, paused: float | None, times: list[float]
) -> None:
    """From waiting to running to one end that stays; all have ended when the time is over."""
    one = run(*tasks, parallelism=parallelism, allowed=60, paused=paused)
    order = {"Waiting": 0, "Running": 1} | dict.fromkeys(ENDS, 2)
    before = [0] * len(tasks)
    ends: dict[int, str] = {}
    for at in sorted(times):
        for index, status in enumerate(statuses(one, at)):
            assert order[status] >= before[index]
            before[index] = order[status]
            if status in ENDS:
                assert ends.setdefault(index, status) == status
    assert set(statuses(one, 60)) <= ENDS
