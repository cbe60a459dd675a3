"""Timeline: when each wave of a rollout starts and ends, at the earliest and at the latest."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from handler.schedule.rollout_settings import JOB_SECONDS
from handler.schedule.waves import jobs_for, wave_ends
from handler.schedule.window import FOREVER, Period, longest_seconds, periods
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from handler.schedule.rollout_settings import RolloutSettings
    from handler.schedule.window import Window

GRACE = 300
"""Seconds after IEF's ten minutes in which a job may still report."""


BETWEEN_RUNS = 300
"""Seconds between two runs of the reconciler as Terraform sets it: a default, no more."""


class WaveTime(NamedTuple):
    """When one wave runs; all times in UTC.

    Attributes:
        number: The wave's number, from 1.
        nodes: How many nodes it has.
        jobs: How many jobs these need.
        earliest_start: If the jobs of earlier waves take no time.
        latest_start: If every job takes as long as it may.
        latest_end: The same.
    """

    number: int
    nodes: int
    jobs: int
    earliest_start: datetime
    latest_start: datetime
    latest_end: datetime


def timeline(
    settings: RolloutSettings, nodes: int, now: datetime, grace: int = GRACE
) -> tuple[WaveTime, ...]:
    """Return when the waves of a rollout run that begins now.

    Approvals are taken for given at once, and failed nodes are not tried again. It ends before a
    wave that cannot start within three years; `fits` says why.

    Args:
        settings: The rollout's settings.
        nodes: How many nodes it has.
        now: When it begins, an aware time.
        grace: Seconds that a job may need beyond IEF's ten minutes.
    """
    soak = timedelta(seconds=settings.soak)
    earliest = latest = now
    times: list[WaveTime] = []
    for number, (begin, end) in enumerate(pairwise((0, *wave_ends(settings, nodes))), start=1):
        longest = timedelta(seconds=wave_seconds(end - begin, settings, grace))
        first = start_within(settings.window, earliest, longest)
        last = start_within(settings.window, latest, longest)
        if first is None or last is None:
            break
        jobs = jobs_for(end - begin, settings)
        times.append(WaveTime(number, end - begin, jobs, first, last, last + longest))
        earliest, latest = first + soak, last + longest + soak
    return tuple(times)


def start_within(window: Window | None, ready: datetime, longest: timedelta) -> datetime | None:
    """Return when a wave may start that is ready at a time, so that it ends inside the window.

    Args:
        window: The window; None for always.
        ready: From when it may start.
        longest: How long it may take.

    Returns:
        The time, or None if there is none within three years.
    """
    found = [Period(ready, FOREVER)] if window is None else periods(window, ready)
    starts = ((max(ready, one.begin), one.end) for one in found)
    return next((start for start, end in starts if start + longest <= end), None)


def wave_seconds(nodes: int, settings: RolloutSettings, grace: int = GRACE) -> int:
    """Return how long a wave may take: each job its ten minutes and the grace, some at a time."""
    rounds = -(-jobs_for(nodes, settings) // settings.max_parallel_jobs)
    return rounds * (JOB_SECONDS + grace)


def fits(settings: RolloutSettings, nodes: int, grace: int = GRACE) -> str | None:
    """Return why a wave can never start, since its window is too short; None if all fit."""
    for number, (begin, end) in enumerate(pairwise((0, *wave_ends(settings, nodes))), start=1):
        seconds = wave_seconds(end - begin, settings, grace)
        if longest := too_long(settings.window, seconds):
            jobs = jobs_for(end - begin, settings)
            return (
                f"wave {number} has {jobs} job{'s' * (jobs > 1)} and may take {in_words(seconds)}, "
                f"besides {in_words(BETWEEN_RUNS)} until a run starts it; the window is open for "
                f"{in_words(longest)}: {_advice(jobs, longest, grace)}"
            )
    return None


def too_long(window: Window | None, seconds: int) -> int:
    """Return how long a window is open at most, if that is too short for a wave; 0 if it is not.

    A wave starts with the run of the reconciler that finds the window open.
    """
    longest = longest_seconds(window) if window else None
    return longest if longest is not None and seconds + BETWEEN_RUNS > longest else 0


def _advice(jobs: int, longest: int, grace: int) -> str:
    job_seconds, usable = JOB_SECONDS + grace, longest - BETWEEN_RUNS
    if usable < job_seconds:
        least = in_words(job_seconds + BETWEEN_RUNS)
        return f"one job needs a window of {least} at least"
    return f"use more waves, or max_parallel_jobs: {-(-jobs // (usable // job_seconds))}"


def in_words(seconds: int) -> str:
    """Return a time in hours and minutes, such as `1 h 45 min`; minutes are rounded up."""
    hours, minutes = divmod(-(-seconds // 60), 60)
    parts = [(hours, "h"), (minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"
