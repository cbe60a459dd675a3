"""Timelines: when waves start and end, at the earliest and at the latest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.schedule.rollout_settings import RolloutSettings
from handler.schedule.timeline import fits, in_words, start_within, timeline, wave_seconds
from handler.schedule.window import Window, open_period

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=timezone.utc)
NIGHT = Window(time(1), time(5), "Asia/Shanghai")  # 17:00 to 21:00 UTC
FOUR = RolloutSettings(waves=("1", "5%", "25%", "100%"), soak=1800, window=NIGHT)


def clock(moment: datetime) -> str:
    """Return a time as day and hour."""
    return f"{moment:%d %H:%M}"


def test_waves_follow_one_another_with_a_soak_between() -> None:
    """Earliest: jobs take no time. Latest: fifteen minutes for each three jobs."""
    times = timeline(FOUR, 500, NOW)
    assert [(one.number, one.nodes, one.jobs) for one in times] == [
        (1, 1, 1),
        (2, 24, 2),
        (3, 100, 5),
        (4, 375, 19),
    ]
    assert [clock(one.earliest_start) for one in times] == [
        "25 17:00",
        "25 17:30",
        "25 18:00",
        "25 18:30",
    ]
    assert [(clock(one.latest_start), clock(one.latest_end)) for one in times] == [
        ("25 17:00", "25 17:15"),
        ("25 17:45", "25 18:00"),
        ("25 18:30", "25 19:00"),
        ("26 17:00", "26 18:45"),  # ready at 19:30, too late for the 105 minutes until 21:00
    ]


def test_without_a_window_nothing_waits() -> None:
    """The last wave ends after its jobs."""
    times = timeline(replace(FOUR, window=None), 500, NOW)
    assert clock(times[-1].latest_end) == "25 21:15"


def test_a_wave_that_never_fits_ends_the_timeline() -> None:
    """So does everything after it."""
    assert [one.number for one in timeline(FOUR, 5_000, NOW)] == [1, 2]


@pytest.mark.parametrize(
    ("ready", "start"),
    [("16:00", "25 17:00"), ("19:59", "25 19:59"), ("20:00", "25 20:00"), ("20:01", "26 17:00")],
)
def test_a_wave_starts_only_if_it_can_end_inside(ready: str, start: str) -> None:
    """An hour's wave starts an hour before the end at the latest."""
    at = datetime.combine(NOW.date(), time.fromisoformat(ready), timezone.utc)
    found = start_within(NIGHT, at, timedelta(hours=1))
    assert found is not None
    assert clock(found) == start


@pytest.mark.parametrize(
    ("nodes", "seconds"), [(1, 900), (60, 900), (61, 1800), (375, 6300), (0, 0)]
)
def test_a_wave_may_take_ten_minutes_and_the_grace_for_each_round(nodes: int, seconds: int) -> None:
    """Three jobs of twenty nodes at a time."""
    assert wave_seconds(nodes, RolloutSettings()) == seconds


def test_a_wave_that_is_longer_than_its_window_says_what_would_fit() -> None:
    """And the setting that it names does."""
    problem = fits(FOUR, 5_000)
    assert problem == (
        "wave 3 has 50 jobs and may take 4 h 15 min, besides 5 min until a run starts "
        "it; the window is open for 4 h: "
        "use more waves, or max_parallel_jobs: 4"
    )
    assert fits(replace(FOUR, max_parallel_jobs=4), 5_000) is not None  # the last wave's 188 jobs
    assert fits(replace(FOUR, max_parallel_jobs=12), 5_000) is not None  # 16 rounds are 4 h
    assert fits(replace(FOUR, max_parallel_jobs=13), 5_000) is None


@pytest.mark.parametrize("settings", [FOUR, replace(FOUR, max_parallel_jobs=1)])
def test_what_fits_is_started_by_a_run_that_comes_after_the_opening(
    settings: RolloutSettings,
) -> None:
    """No run of the reconciler comes at the very moment."""
    for nodes in range(1, 2_000, 7):
        if fits(settings, nodes) is None:
            longest = max(one.jobs for one in timeline(settings, nodes, NOW))
            seconds = -(-longest // settings.max_parallel_jobs) * 900
            opening = start_within(NIGHT, NOW, timedelta(seconds=seconds))
            assert opening is not None
            late = opening + timedelta(minutes=5)
            assert start_within(NIGHT, late, timedelta(seconds=seconds)) == late


def test_a_window_that_is_shorter_than_a_job_must_be_longer() -> None:
    """More jobs at a time are of no use."""
    short = replace(FOUR, window=replace(NIGHT, end=time(1, 10)))
    assert fits(short, 1) == (
        "wave 1 has 1 job and may take 15 min, besides 5 min until a run starts it; the window is "
        "open for 10 min: one job needs a window of 20 min at least"
    )


@pytest.mark.parametrize("window", [None, replace(NIGHT, end=time(1))])
def test_everything_fits_a_window_that_never_closes(window: Window | None) -> None:
    """Or none."""
    assert fits(replace(FOUR, window=window), 100_000) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 min"), (61, "2 min"), (3600, "1 h"), (6300, "1 h 45 min"), (90_000, "25 h")],
)
def test_a_time_in_words(seconds: int, words: str) -> None:
    """Hours and minutes, whichever there are."""
    assert in_words(seconds) == words


@given(
    nodes=st.integers(1, 2_000),
    parallel=st.integers(1, 9),
    soak=st.integers(0, 100_000),
    end=st.integers(2, 23),
    minutes=st.integers(0, 10_000),
)
def test_every_wave_lies_inside_its_window(
    nodes: int, parallel: int, soak: int, end: int, minutes: int
) -> None:
    """At the latest as at the earliest, and it is there if all fit."""
    settings = replace(
        FOUR, max_parallel_jobs=parallel, soak=soak, window=replace(NIGHT, end=time(end))
    )
    times = timeline(settings, nodes, NOW + timedelta(minutes=minutes))
    for one in times:
        period = open_period(settings.window, one.latest_start)
        assert period is not None
        assert one.latest_end <= period.end
        assert one.earliest_start <= one.latest_start
    if fits(settings, nodes) is None:
        assert sum(one.nodes for one in times) == nodes
