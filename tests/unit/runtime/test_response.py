"""The function's answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.audit.job_state import JobState, JobWord
from handler.audit.record import Head
from handler.audit.state import DeliveryState
from handler.runtime.response import (
    WORST_LAST,
    Answered,
    ReplyOutcome,
    Result,
    errors_of,
    outcome_of,
    reply,
    result_of,
)

HEAD = Head(7, "f" * 64)


def job(state: JobWord, document: int = 1) -> JobState:
    """Build a job."""
    found = "4d1c" if state in {"created", "adopted"} else ""
    return JobState(
        f"{document}" * 52,
        "d" * 52,
        document,
        "nightly",
        "node_upgrade",
        state,
        job_id=found,
        note="why",
    )


def jobs(*states: JobWord) -> tuple[JobState, ...]:
    """Build jobs in these states."""
    return tuple(job(state, place) for place, state in enumerate(states, start=1))


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (("created",), "submitted"),
        (("created", "adopted"), "submitted"),
        (("created", "planned"), "deferred"),
        (("sending",), "deferred"),
        (("unknown", "created"), "deferred"),
        (("deferred",), "deferred"),
        (("absent",), "deferred"),
        (("created", "refused"), "partial"),
        (("deferred", "refused"), "partial"),
        (("refused", "expired", "abandoned"), "rejected"),
        (("created", "duplicated"), "partial"),
    ],
)
def test_a_deliverys_outcome_follows_from_its_jobs(
    states: tuple[JobWord, ...], outcome: ReplyOutcome
) -> None:
    """One word for all of them."""
    assert outcome_of(jobs(*states)) == outcome


def test_every_job_that_will_not_be_created_has_a_sentence() -> None:
    """With its name and the reason."""
    message = errors_of(jobs("refused", "created", "expired"))
    assert message == ("job nightly was refused: why", "job nightly expired: why")


def test_a_run_that_was_refused_may_be_delivered_again() -> None:
    """As soon as the cause of the refusal is fixed; not while a job of it is on the fleet."""
    again = "nothing was created; correct the cause, then deliver the same again"
    assert errors_of(jobs("refused", "refused"))[-1] == again
    assert again not in errors_of(jobs("refused", "created"))


def test_jobs_that_wait_are_counted_in_one_sentence_for_each_state() -> None:
    """Forty deferred jobs are one line, with why they wait."""
    message = errors_of(jobs("deferred", "unknown", "deferred", "created"))
    assert message == (
        "2 of 4 jobs deferred (why): the reconciler resumes them",
        "1 of 4 jobs unknown: the reconciler resumes them",
    )


def test_created_jobs_need_no_sentence() -> None:
    """Nothing is wrong."""
    assert errors_of(jobs("created", "adopted")) == ()


@pytest.mark.parametrize(
    ("finished", "outcome"),
    [("Successful", "completed"), ("deleted", "completed"), ("Failed", "partial")],
)
def test_a_job_that_failed_on_the_fleet_is_no_success(finished: str, outcome: ReplyOutcome) -> None:
    """For its delivery, and for the reconciler run that reads it."""
    ended = job("created")._replace(finished=finished)
    assert outcome_of([ended]) == outcome
    answer = reply(Answered([], jobs=[ended], left={"jobs": 0}), HEAD)
    assert answer["outcome"] == outcome
    assert len(answer["errors"]) == (outcome == "partial")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "open_rollouts", "outcome"),
    [
        ((), 1, "submitted"),
        ((), 0, "completed"),
        (("created",), 1, "submitted"),
        (("deferred",), 1, "deferred"),
        (("refused",), 1, "partial"),
    ],
)
def test_the_jobs_of_rollouts_are_not_listed_and_decide_nothing(
    own: tuple[JobWord, ...], open_rollouts: int, outcome: ReplyOutcome
) -> None:
    """There may be hundreds, and the gate judges their failures."""
    of_rollout = tuple(one._replace(rollout="r") for one in jobs("refused", "expired", "planned"))
    run = DeliveryState("d", "object", "obs://b/k", "planned", rollouts=1)
    run = run._replace(rollouts_open=open_rollouts, jobs=(*jobs(*own), *of_rollout))
    result = result_of("d", run, repeated=False)
    assert (result.outcome, len(result.jobs)) == (outcome, len(own))
    assert result.errors == errors_of(jobs(*own))


def test_a_run_that_leaves_work_and_read_a_failure_reports_the_worse() -> None:
    """Open jobs are reported beside it."""
    ended = job("created")._replace(finished="Failed")
    answer = reply(Answered([], jobs=[ended], left={"jobs": 3}), HEAD)
    assert (answer["outcome"], answer["open"]) == ("partial", {"jobs": 3})


def test_a_job_of_a_delivery_is_reported_once() -> None:
    """A reconciler run may have worked on it, too."""
    ended = job("created")._replace(finished="Failed")
    result = Result("k" * 52, "partial", (ended,), errors_of([ended]))
    assert len(reply(Answered([result], jobs=[ended]), HEAD)["errors"]) == 1  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(WORST_LAST), min_size=1))
def test_a_replys_outcome_is_the_worst_of_its_deliveries(outcomes: list[ReplyOutcome]) -> None:
    """Whatever their order."""
    answer = reply(Answered([Result("k" * 52, outcome) for outcome in outcomes]), HEAD)
    assert answer["outcome"] == max(outcomes, key=WORST_LAST.index)


def test_a_reply_holds_deliveries_jobs_errors_and_the_head() -> None:
    """Exactly these, and JSON throughout."""
    result = Result("abcdefghijklmnopqrstuvwxyz", "partial", jobs("created", "refused"), ("no",))
    answer = reply(Answered([result]), HEAD)
    assert json.loads(json.dumps(answer)) == {
        "outcome": "partial",
        "deliveries": ["abcdefghijklmnop"],
        "jobs": [
            {"job_name": "nightly", "job_id": "4d1c", "state": "created", "document": 1},
            {"job_name": "nightly", "job_id": None, "state": "refused", "document": 2},
        ],
        "errors": ["no"],
        "head": {"seq": 7, "hash": "f" * 64},
    }


def test_warnings_are_in_a_reply_only_when_there_are_any() -> None:
    """They delay nothing."""
    result = Result("k" * 52, "submitted", warnings=("doubtful",))
    assert reply(Answered([result]), HEAD)["warnings"] == ["doubtful"]


def test_errors_of_a_reconciler_run_name_their_file() -> None:
    """It reads several files; for one delivery alone the name is left out."""
    rejected = Result("k" * 52, "rejected", errors=("line 3: x",), subject="obs://b/a\nb.yaml")
    assert reply(Answered([rejected]), HEAD)["errors"] == ["line 3: x"]
    named = "obs://b/a\\nb.yaml: line 3: x"
    assert reply(Answered([rejected], left={}), HEAD)["errors"] == [named]
    assert reply(Answered([rejected, rejected]), HEAD)["errors"] == [named, named]
