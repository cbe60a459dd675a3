"""Decisions about a job: every state, every decision."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from handler.audit.job_state import JobState, JobWord
from handler.audit.record import Head
from handler.jobs.decisions import (
    Created,
    Deferred,
    Refused,
    Unknown,
    abandon,
    claim,
    defer,
    lease_over,
    record,
    request_lost,
)
from handler.values.canonical_json import timestamp
from tests.support.one_job_view import NOW, OneJobView

if TYPE_CHECKING:
    from handler.audit.log import Decide
    from handler.audit.record import Draft

HEAD = Head()
LEASE = timedelta(seconds=60)
DATE = timestamp(NOW)
REFUSED = Refused("no", 400, "IEF.101002")
DEFERRED = Deferred("later", 429)
UNKNOWN = Unknown("no answer")

# What is recorded in each state: on a claim, on running out of time, and when the latest attempt
# is answered by a creation, a refusal, a "later" and a silence. "" is nothing.
TABLE: dict[JobWord, tuple[str, str, str, str, str, str]] = {
    "planned": ("sending", "deferred", "created", "", "", ""),
    "sending": ("", "", "created", "refused", "deferred", "unknown"),
    "created": ("", "", "duplicated", "", "", ""),
    "refused": ("", "", "created", "", "", ""),
    "deferred": ("sending", "deferred", "created", "", "", ""),
    "unknown": ("", "", "created", "refused", "deferred", "unknown"),
    "adopted": ("", "", "duplicated", "", "", ""),
    "absent": ("sending", "deferred", "created", "", "", ""),
    "expired": ("", "", "created", "", "", ""),
    "abandoned": ("", "", "created", "", "", ""),
    "duplicated": ("", "", "duplicated", "", "", ""),
}
WITH_ID = frozenset({"created", "adopted", "duplicated"})


def job(state: JobWord, **changes: Any) -> JobState:  # noqa: ANN401 - any field
    """Build a job that was tried once and whose lease is alive."""
    made = JobState(
        "k" * 52, "d" * 52, 1, "nightly", "node_upgrade", state, attempt=1,
        lease_until=timestamp(NOW + LEASE), job_id="first" if state in WITH_ID else "",
    )  # fmt: skip
    return made._replace(**changes)


def words(decide: Decide[Any], one: JobState) -> str:
    """Return the actions of a decision, without `job.`."""
    drafts = decide(OneJobView(one)).drafts
    assert all(draft.job["key"] == one.key for draft in drafts)
    return " ".join(draft.action.removeprefix("job.") for draft in drafts)


def only(decide: Decide[Any], one: JobState) -> Draft:
    """Return the one record of a decision."""
    (draft,) = decide(OneJobView(one)).drafts
    return draft


def a_claim() -> Decide[Any]:
    """Claim the job."""
    return claim("k", date=DATE, lease=LEASE)


def attempt_of(one: JobState, held: str = "") -> int:
    """Return the attempt that a claim of a job is granted, 0 for none."""
    view = OneJobView(one, held=held)
    return claim("k", date=DATE, lease=LEASE)(view).value_in(view).attempt


def an_answer(answer: Created | Refused | Deferred | Unknown, attempt: int = 1) -> Decide[JobState]:
    """Record an answer."""
    return record("k", attempt, answer)


def test_the_table_has_every_state() -> None:
    """No state is forgotten."""
    assert set(TABLE) == set(get_args(JobWord))


@pytest.mark.parametrize("state", TABLE)
def test_every_decision_in_every_state_is_as_the_table_says(state: JobWord) -> None:
    """One row, six decisions."""
    one = job(state)
    decisions = (
        a_claim(),
        defer("k", "no time"),
        *(an_answer(answer) for answer in (Created("second"), REFUSED, DEFERRED, UNKNOWN)),
    )
    assert tuple(words(decide, one) for decide in decisions) == TABLE[state]


@pytest.mark.parametrize("state", TABLE)
def test_an_older_attempts_answer_changes_nothing_unless_it_created_the_job(
    state: JobWord,
) -> None:
    """A creation is taken in every state; the rest is about an attempt that is over."""
    one = job(state, attempt=2)
    late = [words(an_answer(answer), one) for answer in (REFUSED, DEFERRED, UNKNOWN)]
    assert late == ["", "", ""]
    expected = "duplicated" if state in WITH_ID else "created"
    assert words(an_answer(Created("second")), one) == expected


@pytest.mark.parametrize("state", sorted(WITH_ID))
def test_the_same_id_again_is_nothing_new(state: JobWord) -> None:
    """The answer came twice, or was found in the list before."""
    assert words(an_answer(Created("first")), job(state)) == ""


def test_a_claim_is_granted_with_the_next_attempt_and_recorded_with_its_date() -> None:
    """The record is the fence: the signature's date, and a lease to the end."""
    decision = a_claim()(OneJobView(job("deferred")))
    assert decision.value.attempt == 2
    assert decision.drafts[0].request == {
        "operation": "CreateBatchJob",
        "attempt": 2,
        "date": DATE,
        "lease_until": timestamp(NOW + LEASE),
    }


@pytest.mark.parametrize("state", sorted(set(TABLE) - {"planned", "deferred", "absent"}))
def test_a_claim_that_is_not_granted_has_attempt_0(state: JobWord) -> None:
    """Attempt 0 means: do not send."""
    assert attempt_of(job(state)) == 0


@pytest.mark.parametrize(("left", "word"), [(1, ""), (0, "unknown"), (-1, "unknown")])
def test_a_lease_that_ran_out_makes_the_job_unknown_and_grants_nothing(
    left: int, word: str
) -> None:
    """Its instance may have sent the request before it ended."""
    one = job("sending", lease_until=timestamp(NOW + timedelta(seconds=left)))
    assert words(a_claim(), one) == word
    assert lease_over(one, NOW) == bool(word)
    assert attempt_of(one) == 0


@pytest.mark.parametrize("state", ["planned", "deferred", "absent"])
@pytest.mark.parametrize(("left", "word"), [(1, "sending"), (0, "sending"), (-1, "expired")])
def test_a_job_past_its_validity_expires_instead_of_being_sent(
    state: JobWord, left: int, word: str
) -> None:
    """Last night's upgrade does not run at noon."""
    one = job(state, valid_until=timestamp(NOW + timedelta(seconds=left)))
    assert words(a_claim(), one) == word
    assert attempt_of(one) == (2 if word == "sending" else 0)


@pytest.mark.parametrize("state", ["planned", "deferred", "absent"])
def test_while_sending_is_held_a_claim_is_deferred_with_the_reason(state: JobWord) -> None:
    """Once: a hold over the weekend does not fill the log."""
    first = a_claim()(OneJobView(job(state), held="freeze"))
    (draft,) = first.drafts
    assert draft.action == "job.deferred"
    assert draft.note == "sending is held: freeze"
    again = a_claim()(OneJobView(job("deferred", note=draft.note), held="freeze"))
    assert again.drafts == ()
    assert attempt_of(job(state), held="freeze") == 0


@pytest.mark.parametrize("state", TABLE)
def test_a_job_without_its_request_waits_before_it_is_sent(state: JobWord) -> None:
    """Once, with what to do about it; in every other state its request is not needed."""
    lost = request_lost("k")
    drafts = lost(OneJobView(job(state))).drafts
    assert [draft.action for draft in drafts] == (
        ["job.deferred"] if state in {"planned", "deferred", "absent"} else []
    )
    for draft in drafts:
        assert "nightdrop jobs abandon" in draft.note
        assert lost(OneJobView(job("deferred", note=draft.note))).drafts == ()


def test_a_job_without_its_request_expires_in_its_time() -> None:
    """It does not stay open indefinitely."""
    late = job("deferred", valid_until=timestamp(NOW - timedelta(seconds=1)))
    assert only(request_lost("k"), late).action == "job.expired"


def test_a_held_job_expires_nevertheless() -> None:
    """A hold does not extend a job's validity."""
    one = job("deferred", valid_until=timestamp(NOW - LEASE))
    (draft,) = a_claim()(OneJobView(one, held="freeze")).drafts
    assert draft.action == "job.expired"


@pytest.mark.parametrize("state", TABLE)
def test_any_job_that_is_not_final_or_in_flight_can_be_abandoned(state: JobWord) -> None:
    """By hand, with who did it and why; nothing is sent for it any more."""
    one = job(state)
    decision = abandon("k", "not wanted", actor={"kind": "operator"})(OneJobView(one))
    if one.final or state == "sending":
        assert (decision.value, decision.drafts) == (one, ())
    else:
        (draft,) = decision.drafts
        assert (draft.action, draft.note) == ("job.abandoned", "not wanted")
        assert draft.actor == {"kind": "operator"}


def test_the_same_reason_to_wait_is_recorded_once() -> None:
    """A job that waits for days does not fill the log."""
    assert words(defer("k", "no time"), job("deferred", note="no time")) == ""


def test_a_refusal_after_an_attempt_that_was_in_doubt_is_unknown() -> None:
    """Our own job may be what is in the way: the list decides."""
    draft = only(an_answer(REFUSED), job("sending", doubtful=True))
    assert (draft.action, draft.outcome, draft.note) == ("job.unknown", "unknown", "no")


def test_a_creation_is_recorded_with_the_jobs_id() -> None:
    """It is the one thing that follow-up needs."""
    draft = only(an_answer(Created("4d1c")), job("sending"))
    assert (draft.outcome, draft.response) == ("success", {"status": 201, "job_id": "4d1c"})


def test_a_second_job_is_reported_with_both_ids() -> None:
    """A person must delete one of them."""
    draft = only(an_answer(Created("second")), job("created"))
    assert draft.outcome == "failure"
    assert "first and second" in draft.note


def test_a_refusal_is_recorded_with_status_code_and_reason() -> None:
    """The person who dropped the file gets both."""
    draft = only(an_answer(REFUSED), job("sending"))
    assert (draft.outcome, draft.note) == ("failure", "no")
    assert draft.response == {"status": 400, "code": "IEF.101002"}


def test_a_lost_answer_is_recorded_without_a_status() -> None:
    """There was none."""
    assert only(an_answer(UNKNOWN), job("sending")).response == {"status": None, "code": None}


@pytest.mark.parametrize("decide", [a_claim(), an_answer(DEFERRED), defer("k", "x")])
def test_a_job_that_was_never_planned_is_a_programming_error(decide: Decide[Any]) -> None:
    """Nothing is recorded for it."""
    with pytest.raises(LookupError, match="never planned"):
        decide(OneJobView(None))
