"""One job's submission, driven by hand and for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handler.canonical import timestamp
from handler.cloud.transport import Request
from handler.errors import ApiError, CloudError, NoAnswerError, NotSentError
from handler.submission import Commit, Send, Sender, Sign, TimeLeft, answer_of, submission
from handler.transitions import Claim, Created, Deferred, Refused, Unknown

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from handler.audit.record import Part

from datetime import datetime, timedelta, timezone

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sqlite import SqliteLog

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = Sender({"request_id": "r-1"}, patience=12.0)
REQUEST = Request("POST", "https://ief.example.com/", {}, b"{}", timestamp(NOW))
KEY = "k" * 52


@pytest.fixture
def log(tmp_path: Path) -> Any:  # noqa: ANN401 - a fixture that ends
    """A log with one planned job."""
    log = SqliteLog(tmp_path / "audit.db", clock=lambda: NOW)
    delivery: Part = {"key": "d" * 52, "trigger": "direct", "subject": "direct"}
    planned = Draft("delivery.planned", "pending", delivery=delivery)
    job: Part = {"key": KEY, "name": "nightly", "type": "node_upgrade", "document": 1}
    ready = Draft("job.planned", "pending", delivery={"key": "d" * 52}, job=job, body="{}")
    log.commit(lambda _view: Decision(None, (planned, ready)))
    yield log
    log.close()


def begun() -> Generator[Any, Any, None]:
    """Begin the submission of the planned job."""
    return submission(KEY, "{}", SENDER)


def state_of(log: SqliteLog) -> str:
    """Return the planned job's state."""
    job = log.read(lambda view: view.job(KEY))
    assert job
    return job.state


def test_a_job_is_signed_then_claimed_then_sent_then_recorded(log: SqliteLog) -> None:
    """The order is the promise: the claim is durable before the request leaves."""
    effects = begun()
    assert next(effects) == TimeLeft()
    assert effects.send(60.0) == Sign("{}")
    claim = effects.send(REQUEST)
    assert isinstance(claim, Commit)
    claimed = log.commit(claim.decide).value
    assert state_of(log) == "sending"
    assert effects.send(claimed) == Send(REQUEST)
    answer = effects.send(Created("4d1c"))
    assert isinstance(answer, Commit)
    log.commit(answer.decide)
    assert state_of(log) == "created"
    with pytest.raises(StopIteration):
        effects.send(None)


def test_the_claim_holds_the_signatures_date_and_a_lease_to_the_end(log: SqliteLog) -> None:
    """Both are what a later tick reckons with."""
    effects = begun()
    next(effects)
    effects.send(45.5)
    log.commit(effects.send(REQUEST).decide)
    job = log.read(lambda view: view.job(KEY))
    assert job
    assert job.date == REQUEST.date
    assert job.lease_until == timestamp(NOW + timedelta(seconds=45.5))


@pytest.mark.parametrize("left", [0.0, 11.99])
def test_without_time_for_an_answer_a_job_is_deferred_and_nothing_is_signed(
    log: SqliteLog, left: float
) -> None:
    """What could not be recorded is not begun."""
    effects = begun()
    next(effects)
    deferral = effects.send(left)
    assert isinstance(deferral, Commit)
    log.commit(deferral.decide)
    assert state_of(log) == "deferred"
    with pytest.raises(StopIteration):
        effects.send(None)


def test_with_just_enough_time_a_job_is_sent() -> None:
    """The limit itself is enough."""
    effects = begun()
    next(effects)
    assert effects.send(12.0) == Sign("{}")


def test_a_claim_that_is_not_granted_sends_nothing(log: SqliteLog) -> None:
    """Another instance has the job."""
    job = log.read(lambda view: view.job(KEY))
    assert job
    effects = begun()
    next(effects)
    effects.send(60.0)
    effects.send(REQUEST)
    with pytest.raises(StopIteration):
        effects.send(Claim(0, job))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotSentError("no connection"), Deferred),
        (NoAnswerError("no answer"), Unknown),
        (CloudError("something else"), Unknown),
        (ApiError("IEF answered 401", status=401), Deferred),
        (ApiError("IEF answered 403", status=403), Deferred),
        (ApiError("IEF answered 429", status=429), Deferred),
        (ApiError("IEF answered 400", status=400, code="IEF.011005"), Deferred),
        (ApiError("IEF answered 400 the quota is used up", status=400), Deferred),
        (ApiError("IEF answered 400 Quota exceeded", status=400), Deferred),
        (ApiError("IEF answered 400", status=400, code="IEF.101002"), Refused),
        (ApiError("IEF answered 404", status=404), Refused),
        (ApiError("IEF answered 409", status=409), Refused),
        (ApiError("IEF answered 499", status=499), Refused),
        (ApiError("IEF answered 408", status=408), Unknown),
        (ApiError("IEF answered 302", status=302), Unknown),
        (ApiError("IEF answered 500", status=500), Unknown),
        (ApiError("IEF answered 503", status=503), Unknown),
    ],
)
def test_a_failed_call_says_what_it_means_for_the_job(error: CloudError, kind: type) -> None:
    """Only what certainly did not arrive may be sent again without looking."""
    answer = answer_of(error)
    assert type(answer) is kind
    assert not isinstance(answer, Created)
    assert answer.reason == str(error)
