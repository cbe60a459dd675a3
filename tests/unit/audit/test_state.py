"""How records become states, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import pytest

from handler.audit.actions import ATTENTION, DELIVERY_ACTIONS
from handler.audit.job_state import DEAD, DELETED, FINAL, JobState, JobWord, fold_job
from handler.audit.log import Notices
from handler.audit.state import UNDECIDED, DeliveryState, DeliveryWord, fold_delivery, fold_notices

if TYPE_CHECKING:
    from handler.audit.record import Fields
    from handler.values.canonical_json import Json

OPEN = ("planned", "sending", "deferred", "unknown", "absent")
BEFORE = JobState(
    *("k", "d", 2, "nightly-x", "app_deployment", "sending"),
    attempt=2,
    date="date",
    lease_until="lease",
    planned_at="then",
    changed_at="then",
    seq=5,
)


def fields(action: str, **parts: Json) -> Fields:
    """Return the fields of a record."""
    return {"action": action, "outcome": "pending", "seq": 9, "at": "now", **parts}


def folded(word: str, before: JobState = BEFORE, **parts: Json) -> JobState:
    """Return a job's state after one more record."""
    job = fold_job(before, fields(f"job.{word}", **parts))
    assert job is not None
    return job


def test_a_planned_job_is_as_it_was_planned() -> None:
    """Nothing was tried for it yet."""
    record = fields(
        "job.planned",
        delivery={"key": "d"},
        job={"key": "k", "name": "n", "type": "t", "document": 3, "valid_until": "later"},
    )
    assert fold_job(None, record) == JobState(
        *("k", "d", 3, "n", "t", "planned"),
        valid_until="later",
        planned_at="now",
        changed_at="now",
        seq=9,
    )


def test_a_job_that_was_never_planned_has_no_state() -> None:
    """A stray record of it changes nothing."""
    assert fold_job(None, fields("job.created", job={"key": "k"})) is None


def test_a_claim_counts_the_attempt_and_clears_the_note() -> None:
    """The reason of the last deferral does not hold any more."""
    before = folded("deferred", note="later")
    request: Json = {"attempt": 3, "date": "d3", "lease_until": "l3"}
    job = folded("sending", before, request=request)
    found = (job.state, job.attempt, job.date, job.lease_until, job.note)
    assert found == ("sending", 3, "d3", "l3", "")


@pytest.mark.parametrize(("state", "doubtful"), [("absent", True), ("deferred", False)])
def test_a_claim_after_a_lost_attempt_stays_doubtful(state: str, *, doubtful: bool) -> None:
    """A refusal then may be due to our own earlier job."""
    request: Json = {"attempt": 3, "date": "d", "lease_until": "l"}
    job = folded("sending", folded(state), request=request)
    again = folded("sending", folded("deferred", job), request=request)
    assert (job.doubtful, again.doubtful) == (doubtful, doubtful)


def test_an_answer_leaves_its_status_id_and_note() -> None:
    """And the claim's own fields as they were."""
    job = folded("created", response={"status": 201, "job_id": "id"}, note="done")
    assert (job.state, job.status, job.job_id, job.note) == ("created", 201, "id", "done")
    assert (job.attempt, job.date, job.planned_at) == (2, "date", "then")
    assert (job.seq, job.changed_at) == (9, "now")


def test_the_first_id_of_a_job_stays() -> None:
    """A duplicate has another; the first is the one that is ours."""
    job = folded("created", response={"job_id": "one"})
    assert folded("duplicated", job, response={"job_id": "two"}).job_id == "one"


TWICE = folded(
    "duplicated",
    folded("created", response={"status": 201, "job_id": "one"}),
    response={"job_id": "two"},
)


def test_a_job_that_exists_twice_is_followed_with_the_ids_of_both() -> None:
    """Until a person has deleted one of them, or both have ended."""
    assert (TWICE.state, TWICE.job_id, TWICE.other_ids) == ("duplicated", "one", "two")
    assert TWICE.followed
    thrice = folded("duplicated", TWICE, response={"job_id": "three"})
    assert thrice.other_ids == "two three"


@pytest.mark.parametrize("word", ["finished", "deleted"])
def test_a_job_that_exists_twice_goes_on_as_its_other_copy(word: str) -> None:
    """Once the first has ended or was deleted; the end of the last one is the job's."""
    left = folded(word, TWICE, response={"job_id": "one", "final": "Successful"})
    found = (left.state, left.job_id, left.other_ids, left.finished, left.followed)
    assert found == ("adopted", "two", "", "", True)
    ended = folded(word, left, response={"job_id": "two", "final": "Failed"})
    assert (ended.job_id, ended.followed) == ("two", False)


@pytest.mark.parametrize("last", ["finished", "deleted"])
def test_a_job_that_existed_twice_ended_as_its_best_copy_did(last: str) -> None:
    """A copy that was deleted, by whoever, undoes nothing of what the other one did."""
    done: Json = {"job_id": "one", "final": "Successful", "tasks": 2, "succeeded": 2}
    left = folded("finished", TWICE, response=done)
    gone: Json = {"job_id": "two", "final": DELETED}
    ended = folded(last, left, response=gone)
    assert (ended.finished, ended.tasks, ended.succeeded) == ("Successful", 2, 2)
    assert folded(last, ended, response=gone) == ended


def test_a_job_of_which_two_copies_are_left_still_exists_twice() -> None:
    """Nothing but a deletion is done to one of several."""
    thrice = folded("duplicated", TWICE, response={"job_id": "three"})
    left = folded("deleted", thrice, response={"job_id": "one"})
    assert (left.state, left.job_id, left.other_ids) == ("duplicated", "two", "three")


def test_a_job_that_is_planned_again_was_forgotten() -> None:
    """Older code forgot it, whose records are folded here."""
    record = fields(
        "job.planned",
        delivery={"key": "d"},
        job={"key": "k", "name": "n", "type": "t", "document": 1},
    )
    before = folded("created", response={"job_id": "one"})
    again = fold_job(before, record)
    assert again is not None
    assert (again.state, again.job_id) == ("planned", "")


def test_a_copy_that_shows_up_after_a_job_has_ended_is_followed() -> None:
    """It runs on the fleet."""
    before = folded("created", response={"status": 201, "job_id": "one"})
    ended = folded("finished", before, response={"job_id": "one", "final": "Successful"})
    again = folded("duplicated", ended, response={"job_id": "two"})
    assert (again.state, again.job_id, again.followed) == ("duplicated", "two", True)
    gone = folded("finished", again, response={"job_id": "two", "final": DELETED})
    assert gone.finished == "Successful"


@pytest.mark.parametrize("word", ["duplicated", "finished", "deleted"])
def test_the_latest_record_of_a_job_that_exists_twice_changes_nothing_once_more(word: str) -> None:
    """By that it is known whether a state is the one that the records lead to."""
    job_id = "two" if word == "duplicated" else "one"
    record: Json = {"job_id": job_id, "final": "Successful"}
    left = folded(word, TWICE, response=record)
    assert folded(word, left, response=record) == left


@pytest.mark.parametrize("word", get_args(JobWord))
def test_nothing_is_sent_from_a_final_state(word: JobWord) -> None:
    """Every state is either open or final, and a dead job left nothing on the fleet."""
    job = folded(
        word,
        delivery={"key": "d"},
        job={"key": "k", "name": "n", "type": "t", "document": 1},
        request={"attempt": 3, "date": "d", "lease_until": "l"},
    )
    assert job.final is (word in FINAL) is (word not in OPEN)
    assert DEAD < FINAL


def test_an_action_of_a_later_version_changes_no_state() -> None:
    """Only what the latest record says is taken over."""
    job = folded("teleported", note="a later version wrote this")
    assert (job.state, job.seq, job.note) == ("sending", 9, "a later version wrote this")


@pytest.mark.parametrize(("action", "word"), DELIVERY_ACTIONS.items())
def test_every_action_of_a_delivery_leads_to_its_state(action: str, word: DeliveryWord) -> None:
    """From its first record on."""
    message: Json = {
        "key": "d",
        "trigger": "object",
        "subject": "s",
        "fired_at": "t",
        "digest": "x",
    }
    delivery = fold_delivery(None, fields(action, delivery=message, note="why"))
    expected = DeliveryState("d", "object", "s", word, "t", "x", "why", "now", seq=9, changed=9)
    approved = "x" if action == "delivery.approved" else ""
    alarmed = 9 if action in ATTENTION else 0
    learnt = expected._replace(first_seq=9, last_seq=9, approved=approved, alarmed=alarmed)
    assert delivery == learnt


@pytest.mark.parametrize("decided", sorted({*get_args(DeliveryWord)} - UNDECIDED))
@pytest.mark.parametrize("action", DELIVERY_ACTIONS)
def test_a_decided_delivery_stays_as_it_is(decided: DeliveryWord, action: str) -> None:
    """What arrives again changes nothing but the number of its latest record."""
    before = DeliveryState("d", "object", "s", decided, changed=3)
    after = fold_delivery(before, fields(action, delivery={"key": "d"}))
    assert after == before._replace(last_seq=9)


def test_an_approval_lets_a_delivery_go_on() -> None:
    """What waits for it is changed by no copy of its event."""
    said: Json = {"key": "d", "digest": "x"}
    before = fold_delivery(
        None, fields("delivery.awaiting", delivery=said, request={"lease_until": "later"})
    )
    assert before
    assert (before.state, before.awaits_until, before.approved) == ("awaiting", "later", "")
    assert fold_delivery(before, fields("delivery.repeated", delivery=said)) == before
    after = fold_delivery(before, fields("delivery.approved", delivery=said))
    assert after
    assert (after.state, after.approved, after.final) == ("received", "x", False)


def test_a_delivery_keeps_what_it_learned() -> None:
    """A later record without a digest does not take it away."""
    before = DeliveryState("d", "object", "s", "received", digest="x")
    after = fold_delivery(before, fields("delivery.planned", delivery={"key": "d"}))
    assert after
    assert (after.state, after.digest, after.subject) == ("planned", "x", "s")


@pytest.mark.parametrize(
    ("state", "jobs", "final"),
    [
        ("received", (), False),
        ("planned", (), True),
        ("planned", ("created", "refused"), True),
        ("planned", ("created", "unknown"), False),
        ("rejected", (), True),
        ("ignored", (), True),
        ("repeated", (), True),
    ],
)
def test_a_delivery_is_final_when_all_its_jobs_are(
    state: str, jobs: tuple[str, ...], *, final: bool
) -> None:
    """A delivery that plans nothing is final once it is decided."""
    request: Json = {"attempt": 3, "date": "d", "lease_until": "l"}
    states = tuple(folded(word, request=request) for word in jobs)
    delivery = DeliveryState("d", "object", "s", cast("DeliveryWord", state), jobs=states)
    assert delivery.final is final


ALARMED = DeliveryState("d", "object", "s", "rejected", alarmed=7)


def noticed(action: str, before: DeliveryState, shows: int, due: str = "") -> DeliveryState:
    """Return the state after a record about a notice."""
    request: Json = {"lease_until": due} if due else {}
    said: Json = {"key": "d", "shows": shows}
    after = fold_delivery(before, fields(action, delivery=said, request=request))
    assert after
    return after


def standing(delivery: DeliveryState) -> tuple[int, int, str]:
    """Return what stands of a delivery's notices."""
    return delivery.noticed, delivery.notice_tries, delivery.notice_due


@pytest.mark.parametrize(
    ("action", "outcome", "alarmed"),
    [
        ("job.refused", "failure", 9),
        ("job.finished", "failure", 9),
        ("job.finished", "success", 7),
        ("job.created", "success", 7),
        ("result.failed", "failure", 7),
        ("notice.failed", "failure", 7),
    ],
)
def test_a_record_that_a_person_must_look_at_alarms_its_delivery(
    action: str, outcome: str, alarmed: int
) -> None:
    """A result file and a notice alarm nobody: no notice is about a notice."""
    said: Json = {"key": "d", "shows": 7}
    record = fields(action, delivery=said)
    record["outcome"] = outcome
    after = fold_delivery(ALARMED, record)
    assert after
    assert after.alarmed == alarmed


def test_a_claimed_notice_is_open_until_it_is_answered() -> None:
    """What it shows is what the delivery was alarmed by when it was claimed."""
    claimed = noticed("notice.sending", ALARMED, 7, "soon")
    assert standing(claimed) == (7, 1, "soon")
    for answer in ("notice.sent", "notice.failed"):
        assert standing(noticed(answer, claimed, 7)) == (7, 0, "")


def test_a_deferred_notice_is_claimed_again() -> None:
    """It counts its tries, and waits."""
    deferred = noticed("notice.deferred", noticed("notice.sending", ALARMED, 7, "soon"), 7, "later")
    assert standing(deferred) == (0, 1, "later")
    assert standing(noticed("notice.sending", deferred, 7, "then")) == (7, 2, "then")


def test_a_late_answer_to_an_earlier_notice_changes_nothing() -> None:
    """Another one was claimed since."""
    newer = noticed("notice.sending", ALARMED._replace(alarmed=8), 8, "soon")
    for answer in ("notice.sent", "notice.failed", "notice.deferred"):
        assert standing(noticed(answer, newer, 7, "later")) == (8, 1, "soon")


def test_notices_about_deliveries_are_counted_by_their_dates() -> None:
    """One notice may be about many deliveries, and each has a record of it."""
    claims = [fields("notice.sending", request={"date": date}) for date in ("1", "1", "2")]
    state = Notices()
    for claim in claims:
        state = fold_notices(state, claim)
    assert state.dates == ("1", "2")
    assert fold_notices(state, fields("notice.sent", request={"date": "2"})) == state


def test_a_summary_is_open_until_it_is_answered() -> None:
    """It is no notice about a delivery."""
    about: Json = {"operation": "summary", "date": "1"}
    claim = fields(
        "notice.sending", request={"operation": "summary", "date": "1", "lease_until": "soon"}
    )
    claimed = fold_notices(Notices(), claim)
    assert claimed == Notices((), "1", "soon")
    assert fold_notices(claimed, fields("notice.sent", request=about)) == Notices((), "1")
    other: Json = {"operation": "summary", "date": "0"}
    assert fold_notices(claimed, fields("notice.failed", request=other)) == claimed
