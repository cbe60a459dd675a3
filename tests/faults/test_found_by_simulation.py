"""What the simulation found, each as the shortest story that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.cloud.ief.client import ListedJob
from handler.errors import ApiError
from handler.jobs.decisions import Deferred, Unknown, claim, record
from handler.jobs.effect_runner import list_jobs
from handler.jobs.effects import Listing, ListJobs, SendSettings
from handler.jobs.settlement import settle
from handler.jobs.submission import answer_of
from handler.runtime.deadline import Deadline
from handler.values.canonical_json import timestamp
from tests.faults.simulation.memory_log import MemoryLog
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from handler.audit.record import Part
    from handler.cloud.ief.client import Ief
    from handler.jobs.decisions import Answer

KEY = "k" * 52
SENDER = SendSettings(12.0, 1200.0)


class Story:
    """One planned job in a log whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.log = MemoryLog(lambda: self.now)
        job: Part = {"key": KEY, "name": "n", "type": "node_upgrade", "document": 1}
        planned = Draft("job.planned", "pending", {"key": "d"}, job=job, body="{}")
        received = Draft("delivery.planned", "pending", {"key": "d"})
        self.log.commit(lambda _: Decision(None, (received, planned)))

    def claimed(self) -> int:
        """Claim the job for a minute; answers the attempt."""
        lease, date = timedelta(minutes=1), timestamp(self.now)
        return self.log.commit(claim(KEY, date=date, lease=lease)).value.attempt

    def answered(self, attempt: int, answer: Answer) -> None:
        """Record the result of an attempt."""
        self.log.commit(record(KEY, attempt, answer))

    def settled_by_an_empty_list(self) -> str:
        """Let half an hour pass and look; answers the job's state."""
        self.now += timedelta(minutes=30)
        self.log.commit(settle([KEY], Listing((), self.now, complete=True), SENDER))
        job = self.log.read(lambda view: view.job(KEY))
        return job.state if job else ""


def test_a_408_that_is_found_absent_is_no_refusal() -> None:
    """A time-out on the API's side says nothing about the job: it is sent again."""
    story = Story()
    story.answered(story.claimed(), Unknown("timed out", 408))
    assert story.settled_by_an_empty_list() == "absent"


def test_the_answer_of_an_earlier_attempt_does_not_refuse_a_later_one() -> None:
    """A 429, a second attempt, killed: absent, for the 429 belongs to the first."""
    story = Story()
    story.answered(story.claimed(), Deferred("slower", 429))
    assert story.claimed() == 2
    assert story.settled_by_an_empty_list() == "absent"


@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_failure_that_speaks_of_a_quota_is_still_not_known(status: int) -> None:
    """The job may have been created before the quota service failed."""
    answer = answer_of(ApiError("the quota service did not answer", status=status))
    assert isinstance(answer, Unknown)


@dataclass(frozen=True)
class Pages:
    """A list of jobs as the API's client gives it."""

    jobs: tuple[ListedJob, ...]
    most: int

    def clock(self) -> datetime:
        """Return the time."""
        return EPOCH

    def list_jobs(self, _type: str, *, limit: int, offset: int) -> tuple[ListedJob, ...]:
        """Return a page."""
        return self.jobs[offset : offset + min(limit, self.most)]


def listing(created: list[int], most: int) -> Listing:
    """List jobs that were created so many seconds after the beginning."""
    began = int(EPOCH.timestamp())
    jobs = tuple(
        ListedJob(f"job-{number}", "n", "t", "", began + at if at else 0, "Running")
        for number, at in enumerate(created)
    )
    look = ListJobs("t", EPOCH + timedelta(hours=1))
    return list_jobs(cast("Ief", Pages(jobs, most)), look, Deadline(1.0, lambda: 0.0))


@pytest.mark.parametrize("most", [2, 3, 5, 10, 11, 100])
def test_a_list_in_small_pages_is_read_to_its_end(most: int) -> None:
    """An API that gives ten jobs at a time has more than ten."""
    found = listing([7200 - at for at in range(40)], most)
    assert (len(found.jobs), found.complete) == (40, True)


@pytest.mark.parametrize("created", [[10] * 40 + [7200] * 20, [0] * 60], ids=["oldest", "dateless"])
def test_a_list_that_shows_no_order_is_read_to_its_end(created: list[int]) -> None:
    """Jobs of one second, or without a time, do not tell that what follows is older."""
    found = listing(created, 20)
    assert (len(found.jobs), found.complete) == (60, True)
