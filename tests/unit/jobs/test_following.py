"""How a job on the fleet ended, by the API's answer about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from handler.audit.job_state import FOLLOWED, JobState, JobWord
from handler.audit.record import Head
from handler.cloud.ief.client import ListedJob, ShownJob
from handler.jobs.effects import Commit, Gone, Listing, SendSettings, ShowJob, TimeLeft
from handler.jobs.following import FOLLOWED_FOR, finish, following
from handler.values.canonical_json import timestamp
from tests.support.one_job_view import NOW, OneJobView

if TYPE_CHECKING:
    from handler.audit.log import Decide
    from handler.audit.record import Draft

HEAD = Head()
KEY = "k" * 52
SENDER = SendSettings(seconds_per_request=12.0, settle_after=1200)
SENT = NOW - timedelta(seconds=1200)


def job(state: JobWord = "unknown", **changes: Any) -> JobState:  # noqa: ANN401 - any field
    """Build a job that was sent as long ago as settling waits."""
    made = JobState(
        KEY, "d" * 52, 1, "nightly", "node_upgrade", state, attempt=1, date=timestamp(SENT),
        lease_until=timestamp(SENT + timedelta(seconds=60)), changed_at=timestamp(SENT),
    )  # fmt: skip
    return made._replace(**changes)


def listing(*jobs: ListedJob, began: datetime = NOW, complete: bool = True) -> Listing:
    """Build a listing."""
    return Listing(jobs, began, complete)


def drafts(decide: Decide[Any], view: OneJobView) -> list[Draft]:
    """Return the records of a decision."""
    return list(decide(view).drafts)


def followed(answer: ShownJob | Gone, seconds: float = 0, **changes: Any) -> list[Draft]:  # noqa: ANN401
    """Return what is recorded of a created job some seconds after its creation."""
    one = job("created", job_id="id-1", changed_at=timestamp(NOW), **changes)
    return drafts(
        finish(one, answer, SENDER), OneJobView(one, now=NOW + timedelta(seconds=seconds))
    )  # fmt: skip


def shown(status: str, *tasks: tuple[str, str]) -> ShownJob:
    """Build an answer of Show."""
    return ShownJob("id-1", status, tasks)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("Successful", "success"), ("Partially_successful", "failure"), ("Failed", "failure"),
     ("Stopped", "failure"), ("Timed_out", "failure")],
)  # fmt: skip
def test_an_ended_job_is_finished_with_its_status(status: str, outcome: str) -> None:
    """Whatever it is."""
    (kept,) = followed(shown(status))
    assert (kept.action, kept.outcome, kept.response["final"]) == ("job.finished", outcome, status)


@pytest.mark.parametrize("status", ["Running", "Pending", "", "Something_new"])
def test_a_running_job_is_queried_for_a_day(status: str) -> None:
    """Then it is given up, with a record."""
    day = FOLLOWED_FOR.total_seconds()
    assert followed(shown(status), day) == []
    (kept,) = followed(shown(status), day + 1)
    assert kept.response["final"] == (status or "unknown")
    assert "did not end" in kept.note


def test_successes_are_counted_from_the_tasks_and_reasons_are_stored() -> None:
    """Show's own counters are swapped; five reasons of 200 characters are enough."""
    tasks = [("Successful", ""), *[("Failed", f"{n}" * 999) for n in range(7)]]
    (kept,) = followed(shown("Partially_successful", *tasks))
    counted = {name: kept.response[name] for name in ("tasks", "succeeded", "failed")}
    assert counted == {"tasks": 8, "succeeded": 1, "failed": 7}
    assert kept.note == "; ".join(f"{n}" * 200 for n in range(5))


def test_a_job_is_taken_for_deleted_only_once_the_api_cannot_lag_behind() -> None:
    """A deleted job is not created again."""
    assert followed(Gone(), SENDER.settle_after - 1) == []
    (kept,) = followed(Gone(), SENDER.settle_after)
    assert (kept.action, kept.response["final"]) == ("job.finished", "deleted")
    assert "not created again" in kept.note


@pytest.mark.parametrize("status", ["Stopping", "Stopped"])
def test_a_paused_job_has_not_ended(status: str) -> None:
    """However long it is paused."""
    assert followed(shown(status), 10 * FOLLOWED_FOR.total_seconds(), paused=True) == []


@pytest.mark.parametrize("status", ["Successful", "Timed_out"])
def test_a_paused_job_that_ended_is_finished(status: str) -> None:
    """Its tasks had ended before they were interrupted, or its time was over."""
    (kept,) = followed(shown(status), paused=True)
    assert (kept.action, kept.response["final"]) == ("job.finished", status)


def test_a_paused_job_that_runs_was_resumed_by_others() -> None:
    """It is believed once the API cannot lag behind the pause."""
    assert followed(shown("Running"), SENDER.settle_after - 1, paused=True) == []
    (kept,) = followed(shown("Running"), SENDER.settle_after, paused=True)
    assert (kept.action, kept.note) == (
        "job.resumed",
        "it runs again: it was resumed outside of Nightdrop",
    )


def test_a_job_with_a_claimed_operation_is_settled_first() -> None:
    """What it looks like now may be the operation's doing."""
    assert followed(shown("Stopped"), operation="pause") == []


@pytest.mark.parametrize("state", sorted(set(get_args(JobWord)) - FOLLOWED))
def test_only_jobs_on_the_fleet_are_followed(state: JobWord) -> None:
    """Nothing is recorded of others."""
    one = job(state)
    assert drafts(finish(one, shown("Failed"), SENDER), OneJobView(one)) == []


def test_an_answer_of_before_a_newer_record_counts_for_nothing() -> None:
    """The job was stopped when it was asked about, and has been resumed since."""
    before = job("created", job_id="id-1", seq=7)
    resumed = OneJobView(before._replace(seq=9))
    assert drafts(finish(before, shown("Stopped"), SENDER), resumed) == []


@pytest.mark.parametrize(("status", "paused"), [("Failed", False), ("Successful", True)])
def test_an_end_of_before_the_latest_request_counts_once_the_api_has_caught_up(
    status: str, *, paused: bool
) -> None:
    """A job that was retried or resumed is shown for a while as it ended before."""
    asked_at = int(NOW.timestamp())
    since = {"ended_at": asked_at - 1, "paused": paused}
    before = shown(status)._replace(updated_at=asked_at - 1)
    assert followed(before, SENDER.settle_after - 2, **since) == []
    (kept,) = followed(before, SENDER.settle_after, **since)
    assert kept.response["final"] == status
    (at_once,) = followed(before._replace(updated_at=asked_at), 1, **since)
    assert at_once.response["ended_at"] == asked_at


def test_an_end_is_recorded_once() -> None:
    """Two runs may query it at once."""
    assert followed(shown("Failed"), finished="Failed") == []


def test_following_asks_only_while_there_is_time() -> None:
    """A run is bounded, however many jobs are running."""
    effects = following(job("created", job_id="id-1"), NOW, SENDER)
    assert isinstance(next(effects), TimeLeft)
    with pytest.raises(StopIteration):
        effects.send(11.9)


def test_following_records_nothing_without_an_answer() -> None:
    """The next run queries it again."""
    effects = following(job("created", job_id="id-1"), NOW, SENDER)
    next(effects)
    assert effects.send(60.0) == ShowJob("id-1")
    with pytest.raises(StopIteration):
        effects.send(None)


@pytest.mark.parametrize(
    ("answer", "asks"),
    [(shown("Running"), False), (shown("Failed"), True), (Gone(), False)],
)
def test_a_job_that_is_still_running_causes_no_record(
    answer: ShownJob | Gone, *, asks: bool
) -> None:
    """A run queries a thousand of them."""
    effects = following(job("created", job_id="id-1", changed_at=timestamp(NOW)), NOW, SENDER)
    next(effects)
    assert effects.send(60.0) == ShowJob("id-1")
    if asks:
        assert isinstance(effects.send(answer), Commit)
        return
    with pytest.raises(StopIteration):
        effects.send(answer)
