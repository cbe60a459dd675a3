"""The API's list of jobs, read while it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

import pytest

from handler.cloud.ief.client import ListedJob
from handler.jobs.effect_runner import JOBS_PER_PAGE, MOST_PAGES, OVERLAP, EffectRunner, list_jobs
from handler.jobs.effects import ListJobs
from handler.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.jobs.effects import Listing

    Make: TypeAlias = Callable[..., EffectRunner]

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
LATE = int(NOW.timestamp())
LONG = Deadline(1e9, lambda: 0.0)


@dataclass
class Fleet:
    """A list of jobs, the newest first, that may change between its pages.

    Attributes:
        jobs: What is listed.
        between: What happens before each page but the first.
        most: The largest page it gives.
        asked: The offsets that were asked for.
    """

    jobs: list[ListedJob]
    between: Callable[[Fleet], None] = lambda _fleet: None
    most: int = 1000
    asked: list[int] = field(default_factory=list)

    def clock(self) -> datetime:
        """Return when a listing begins."""
        return NOW

    def list_jobs(self, _job_type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
        """Return a page."""
        if self.asked:
            self.between(self)
        self.asked.append(offset)
        return tuple(self.jobs[offset : offset + min(limit, self.most)])


def fleet(count: int, step: int = 60) -> list[ListedJob]:
    """Return jobs, one created each so many seconds before the one above it."""
    return [
        ListedJob(f"id-{n}", "n", "node_upgrade", "", LATE - n * step, "Running")
        for n in range(count)
    ]


def listed(found: Fleet, *, ago: timedelta = timedelta(365), deadline: Deadline = LONG) -> Listing:
    """List all jobs created since some time ago."""
    return list_jobs(found, ListJobs("node_upgrade", NOW - ago), deadline)  # type: ignore[arg-type] # only what is used


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 99, 100, 101, 190, 191, 1000])
@pytest.mark.parametrize("most", [15, 99, 1000])
def test_a_list_of_any_length_is_read_to_its_end(count: int, most: int) -> None:
    """Whatever the size of its pages."""
    found = listed(Fleet(fleet(count), most=most))
    assert (len(found.jobs), found.complete) == (count, True)


def test_a_listing_is_dated_when_its_first_page_is_asked_for() -> None:
    """What was created later need not be in it."""
    assert listed(Fleet(fleet(3))).began == NOW


def test_a_list_is_read_only_as_far_back_as_requested() -> None:
    """Years of nightly jobs cost nothing."""
    found = Fleet(fleet(5000))
    listing = listed(found, ago=timedelta(minutes=150))
    assert listing.complete
    assert len(found.asked) == 2
    assert {f"id-{n}" for n in range(151)} <= {job.job_id for job in listing.jobs}


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    """An old job on the first page does not mean that all of the rest is older."""
    jobs = fleet(300)
    found = Fleet([jobs[-1], *jobs[:-1]])
    listing = listed(found, ago=timedelta(minutes=30))
    assert (len(listing.jobs), listing.complete) == (300, True)


@pytest.mark.parametrize(("gone", "complete"), [(1, True), (OVERLAP - 1, True), (OVERLAP, False)])
def test_jobs_deleted_between_two_pages_hide_no_others(gone: int, *, complete: bool) -> None:
    """As many as the pages share; beyond that the list is incomplete, and says so."""

    def delete(fleet: Fleet) -> None:
        if len(fleet.asked) == 1:
            del fleet.jobs[:gone]

    listing = listed(Fleet(fleet(250), delete))
    assert listing.complete == complete
    assert len(listing.jobs) == 250 or not complete


def test_jobs_created_between_two_pages_hide_no_others() -> None:
    """They push the list down, and some are listed twice."""

    def create(fleet: Fleet) -> None:
        new = ListedJob(f"new-{len(fleet.asked)}", "n", "node_upgrade", "", LATE, "Running")
        fleet.jobs.insert(0, new)

    listing = listed(Fleet(fleet(250), create))
    assert listing.complete
    assert {f"id-{n}" for n in range(250)} <= {job.job_id for job in listing.jobs}


@pytest.mark.parametrize(
    "new",
    [1, 40, JOBS_PER_PAGE - OVERLAP, JOBS_PER_PAGE, JOBS_PER_PAGE + OVERLAP, 3 * JOBS_PER_PAGE],
)
def test_a_burst_of_new_jobs_between_two_pages_hides_no_others(new: int) -> None:
    """Another instance sends a thousand: the list is read on, or known to be incomplete."""

    def create(fleet: Fleet) -> None:
        if len(fleet.asked) <= 3:
            jobs = [
                ListedJob(f"new-{len(fleet.asked)}-{n}", "n", "node_upgrade", "", LATE, "Running")
                for n in range(new)
            ]
            fleet.jobs[:0] = jobs

    listing = listed(Fleet(fleet(250), create))
    whole = {f"id-{n}" for n in range(250)} <= {job.job_id for job in listing.jobs}
    assert whole or not listing.complete


def test_a_list_is_given_up_after_so_many_pages() -> None:
    """As incomplete: nothing is absent from it."""
    found = Fleet(fleet(JOBS_PER_PAGE * MOST_PAGES + 1))
    assert not listed(found).complete
    assert len(found.asked) == MOST_PAGES


def test_a_list_is_given_up_when_time_is_up() -> None:
    """After the present page."""
    found = Fleet(fleet(1000))
    assert not listed(found, deadline=Deadline(0, lambda: 1.0)).complete
    assert len(found.asked) == 1


@pytest.mark.parametrize(
    "times", [[LATE] * 50 + [0] * 250, [LATE - 7200] * 150 + [LATE] * 150], ids=["none", "mixed"]
)
def test_times_that_show_no_order_do_not_end_a_list_early(times: list[int]) -> None:
    """Jobs without a time, or the newest ones behind old ones."""
    jobs = [
        ListedJob(f"id-{number}", "n", "node_upgrade", "", at, "Running")
        for number, at in enumerate(times)
    ]
    listing = listed(Fleet(jobs), ago=timedelta(minutes=30))
    assert (len(listing.jobs), listing.complete) == (len(times), True)
