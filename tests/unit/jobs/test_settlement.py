"""Conclusions from the API's list and answers about jobs: found, absent, duplicated, ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from handler.audit.job_state import JobState, JobWord
from handler.audit.record import Head
from handler.cloud.ief.client import ListedJob
from handler.jobs.decisions import Refused, claim, record
from handler.jobs.effects import Commit, Listing, ListJobs, SendSettings
from handler.jobs.settlement import CLOCK_SKEW, check_marks, settle, settlement, suspend
from handler.specs.planner import mark_of
from handler.values.canonical_json import timestamp
from tests.support.one_job_view import NOW, OneJobView

if TYPE_CHECKING:
    from handler.audit.log import Decide
    from handler.audit.record import Draft

HEAD = Head()
KEY = "k" * 52
MARK = mark_of(KEY)
SENDER = SendSettings(seconds_per_request=12.0, settle_after=1200)
SENT = NOW - timedelta(seconds=1200)
OURS = ListedJob("id-1", "nightly", "node_upgrade", f"{MARK} the hall", 1, "Running")


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


def settled(found: Listing, one: JobState | None = None, **view: Any) -> list[str]:  # noqa: ANN401
    """Return what is recorded of a job once the list was looked at."""
    kept = drafts(settle([KEY], found, SENDER), OneJobView(one or job(), **view))
    return [draft.action.removeprefix("job.") for draft in kept]


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ((OURS,), ["adopted"]),
        ((OURS._replace(description=MARK),), ["adopted"]),
        ((OURS, OURS._replace(job_id="id-2")), ["adopted", "duplicated"]),
        ((OURS._replace(name="another"),), ["absent"]),
        ((OURS._replace(type="deployment_deploy"),), ["absent"]),
        ((OURS._replace(description=f"{MARK}x the hall"),), ["absent"]),
        ((OURS._replace(description=f"see {MARK}"),), ["absent"]),
        ((OURS._replace(description=MARK[:-1]),), ["absent"]),
        ((OURS._replace(description=mark_of("m" * 52)),), ["absent"]),
        ((OURS._replace(description=""),), ["absent"]),
        ((), ["absent"]),
    ],
)
def test_a_job_is_ours_by_mark_name_and_type(
    listed: tuple[ListedJob, ...], words: list[str]
) -> None:
    """The mark alone could have been copied, the name alone could be of another user."""
    assert settled(listing(*listed)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["doubted"]),
        ({"description": "by hand"}, ["doubted"]),
        ({"description": mark_of("m" * 52)}, ["absent"]),
        ({"name": "another"}, ["absent"]),
        ({"created_at": int((SENT - CLOCK_SKEW).timestamp()) - 1}, ["absent"]),
        ({"created_at": 0}, ["doubted"]),
    ],
)
def test_a_young_job_of_our_name_without_a_mark_may_be_ours(
    changes: dict[str, Any], words: list[str]
) -> None:
    """Its description may have been edited: an operator decides, nothing is sent."""
    alike = OURS._replace(description="", created_at=int(SENT.timestamp()))
    assert settled(listing(alike._replace(**changes))) == words


def test_the_oldest_of_two_is_adopted_and_the_operator_is_asked() -> None:
    """At any position in the list; of the same second the smaller id counts."""
    younger = OURS._replace(job_id="id-0", created_at=2)
    found = listing(younger, OURS._replace(job_id="id-3"), OURS)
    adopted, duplicated, third = drafts(settle([KEY], found, SENDER), OneJobView(job()))
    assert (adopted.outcome, adopted.response) == ("success", {"job_id": "id-1"})
    assert (duplicated.outcome, duplicated.response) == ("failure", {"job_id": "id-3"})
    assert third.response == {"job_id": "id-0"}
    assert "id-1 and id-3" in duplicated.note


def test_a_job_is_absent_only_from_a_list_that_started_late_enough() -> None:
    """A second too early, and the request may still be under way."""
    early = NOW - timedelta(seconds=1)
    assert settled(listing(began=early)) == []
    assert settled(listing(began=NOW)) == ["absent"]


def test_a_job_that_is_found_is_adopted_at_any_time() -> None:
    """Even from an early list, an incomplete one, or while absence is suspended."""
    early = listing(OURS, began=SENT, complete=False)
    assert settled(early, suspended="marks are lost") == ["adopted"]


@pytest.mark.parametrize(
    ("found", "view", "words"),
    [
        (listing(), {}, ["settling.suspended"]),
        (listing(), {"suspended": "marks are lost"}, []),
        (listing(complete=False), {}, []),
        (listing(began=NOW - timedelta(seconds=1)), {}, []),
    ],
)
def test_where_lists_cannot_show_it_no_job_is_absent(
    found: Listing, view: dict[str, Any], words: list[str]
) -> None:
    """It is suspended on record when a job would have been absent, and once."""
    sending = SENDER._replace(absent_doubt="no descriptions")
    assert drafts(settle([KEY], found, sending), OneJobView(job(), **view)) == []
    kept = drafts(suspend([KEY], found, sending), OneJobView(job(), **view))
    assert [one.action for one in kept] == words
    assert all("no descriptions, so no job" in one.note for one in kept)


def test_where_lists_cannot_show_it_a_job_that_is_listed_is_adopted() -> None:
    """What is seen is believed."""
    sending = SENDER._replace(absent_doubt="they lag")
    kept = drafts(settle([KEY], listing(OURS), sending), OneJobView(job()))
    assert [one.action for one in kept] == ["job.adopted"]
    assert drafts(suspend([KEY], listing(OURS), sending), OneJobView(job("adopted"))) == []


def test_a_job_is_not_absent_from_an_incomplete_list() -> None:
    """It may be in the part that was not seen."""
    assert settled(listing(complete=False)) == []


def test_a_job_is_not_absent_while_that_conclusion_is_suspended() -> None:
    """The list may have lost its mark, too."""
    assert settled(listing(), suspended="marks are lost") == []


@pytest.mark.parametrize("state", sorted(set(get_args(JobWord)) - {"unknown", "sending"}))
def test_a_job_whose_outcome_is_known_is_not_settled(state: JobWord) -> None:
    """Another run was faster, or the answer came after all."""
    assert settled(listing(OURS), job(state)) == []


def test_a_job_that_is_being_sent_is_left_alone_until_its_lease_is_over() -> None:
    """Then its silence is recorded first."""
    alive = job("sending", lease_until=timestamp(NOW + timedelta(seconds=1)))
    assert settled(listing(OURS), alive) == []
    over = job("sending", lease_until=timestamp(NOW))
    assert settled(listing(OURS), over) == ["unknown", "adopted"]
    assert settled(listing(), over) == ["unknown", "absent"]
    assert settled(listing(began=SENT), over) == ["unknown"]


@pytest.mark.parametrize(
    ("status", "word"),
    [(0, "absent"), (201, "absent"), (400, "refused"), (409, "refused"), (408, "absent"),
     (500, "absent"), (503, "absent")],
)  # fmt: skip
def test_a_refusal_that_was_in_doubt_is_final_once_no_job_is_found(status: int, word: str) -> None:
    """Then it was no job of ours in the way; a time-out is no refusal."""
    assert settled(listing(), job(status=status, doubtful=True)) == [word]


def test_a_doubtful_refusal_becomes_refused_only_by_way_of_the_list() -> None:
    """From the answer, by way of unknown, to the recorded reason."""
    doubtful = job("sending", doubtful=True)
    no = record(KEY, 1, Refused("the name exists", 400, "IEF.1"))
    (unknown,) = drafts(no, OneJobView(doubtful))
    assert unknown.action == "job.unknown"
    after = job(doubtful=True, status=400, note=unknown.note)
    (refused,) = drafts(settle([KEY], listing(), SENDER), OneJobView(after))
    assert (refused.action, refused.outcome) == ("job.refused", "failure")
    assert "the name exists" in refused.note


def test_an_absent_job_may_be_claimed_again() -> None:
    """That is what settling is for."""
    again = claim(KEY, date=timestamp(NOW), lease=timedelta(seconds=60))
    assert again(OneJobView(job("absent"))).value.attempt == 2


@pytest.mark.parametrize(
    ("description", "suspends"),
    [
        (f"{MARK} the hall", False),
        (f"moved {MARK}", False),
        (mark_of("m" * 52), False),
        ("the hall", True),
        ("", True),
    ],
)
def test_a_known_job_without_any_mark_suspends_absence(description: str, *, suspends: bool) -> None:
    """A user edited it, or the API no longer returns descriptions."""
    found = listing(OURS._replace(description=description))
    kept = drafts(check_marks(found), OneJobView(job("created", job_id="id-1")))
    assert [draft.action for draft in kept] == ["settling.suspended"] * suspends


def test_a_suspension_is_recorded_once_with_a_remedy() -> None:
    """It holds until an operator releases it."""
    found = listing(OURS._replace(description=""), OURS._replace(job_id="2", description=""))
    known = job("created", job_id="id-1")
    (kept,) = drafts(check_marks(found), OneJobView(known))
    assert "nightdrop release" in kept.note
    assert drafts(check_marks(found), OneJobView(known, suspended=kept.note)) == []


def test_a_strangers_job_without_a_mark_suspends_nothing() -> None:
    """People create jobs by hand."""
    found = listing(OURS._replace(description="by hand"))
    assert drafts(check_marks(found), OneJobView(job())) == []


def test_settling_looks_back_beyond_the_date_of_the_signature() -> None:
    """The API's clock may be behind ours."""
    effects = settlement([job()], SENDER)
    assert next(effects) == ListJobs("node_upgrade", SENT - CLOCK_SKEW)
    assert isinstance(effects.send(listing()), Commit)
    assert isinstance(effects.send(None), Commit)
    with pytest.raises(StopIteration):
        effects.send(None)
