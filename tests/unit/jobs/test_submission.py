"""One job's submission, driven by the test and by the runner."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.http_transport import Request
from handler.errors import ApiError, CloudError, NoAnswerError, NotSentError
from handler.jobs.decisions import Answer, Claim, Created, Deferred, Refused, Unknown
from handler.jobs.effects import AwaitTurn, Commit, Send, SendSettings, Sign, TimeLeft
from handler.jobs.submission import TRIES, answer_of, submission
from handler.values.canonical_json import sha256_hex, timestamp

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.record import Part

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = SendSettings(seconds_per_request=12.0, settle_after=1200)
REQUEST = Request("POST", "https://ief.example.com/", {}, b"{}", timestamp(NOW))
KEY = "k" * 52
LATER = Deferred("IEF answered 429", 429)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A log with one planned job."""
    log = SqliteLog(tmp_path / "audit.db", clock=lambda: NOW)
    delivery: Part = {"key": "d" * 52, "trigger": "direct", "subject": "direct"}
    planned = Draft("delivery.planned", "pending", delivery=delivery)
    job: Part = {"key": KEY, "name": "nightly", "type": "node_upgrade", "document": 1}
    ready = Draft("job.planned", "pending", delivery={"key": "d" * 52}, job=job, body="{}")
    log.commit(lambda _view: Decision(None, (planned, ready)))
    yield log
    log.close()


def start_submission(body: str = "{}") -> Generator[Any, Any, JobState]:
    """Begin the submission of the planned job."""
    return submission(KEY, body, SENDER)


def job_of(log: SqliteLog) -> JobState:
    """Return the planned job in its present state."""
    job = log.read(lambda view: view.job(KEY))
    assert job
    return job


def driven(
    log: SqliteLog,
    *answers: Answer,
    left: float = 60.0,
    signed: Request | Deferred = REQUEST,
    in_time: float = 60.0,
) -> list[type]:
    """Drive a submission to its end; returns the kinds of effects in their order."""
    effects, given, kinds = start_submission(), iter(answers), list[type]()
    reply: Any = None
    try:
        while True:
            effect = effects.send(reply)
            kinds.append(type(effect))
            if isinstance(effect, Commit):
                reply = log.commit(effect.decide).value
            elif isinstance(effect, Send):
                reply = next(given)
            else:
                reply = {AwaitTurn: left, TimeLeft: in_time, Sign: signed}[type(effect)]
    except StopIteration:
        return kinds


def test_a_job_is_signed_then_claimed_then_sent_then_recorded(log: SqliteLog) -> None:
    """The order is the promise: the claim is durable before the request leaves."""
    effects = start_submission()
    assert next(effects) == AwaitTurn(SENDER.seconds_per_request)
    assert effects.send(60.0) == Sign("{}")
    claim = effects.send(REQUEST)
    assert isinstance(claim, Commit)
    claimed = log.commit(claim.decide).value
    assert job_of(log).state == "sending"
    assert isinstance(effects.send(claimed), TimeLeft)
    assert effects.send(60.0) == Send(REQUEST)
    answer = effects.send(Created("4d1c"))
    assert isinstance(answer, Commit)
    log.commit(answer.decide)
    assert job_of(log).state == "created"
    with pytest.raises(StopIteration):
        effects.send(None)


def test_the_claim_holds_the_signatures_date_and_a_lease_to_the_end(log: SqliteLog) -> None:
    """A later reconciler run relies on both."""
    effects = start_submission()
    next(effects)
    effects.send(45.5)
    log.commit(effects.send(REQUEST).decide)
    job = job_of(log)
    assert job.date == REQUEST.date
    assert job.lease_until == timestamp(NOW + timedelta(seconds=45.5))


@pytest.mark.parametrize("left", [0.0, 11.99])
def test_without_time_for_an_answer_a_job_is_deferred_and_nothing_is_signed(
    log: SqliteLog, left: float
) -> None:
    """Work that could not be recorded is not started."""
    assert driven(log, left=left) == [AwaitTurn, Commit]
    assert (job_of(log).state, job_of(log).attempt) == ("deferred", 0)


def test_with_just_enough_time_a_job_is_sent() -> None:
    """The limit itself is enough."""
    effects = start_submission()
    next(effects)
    assert effects.send(12.0) == Sign("{}")


def test_a_process_that_froze_after_its_claim_does_not_send(log: SqliteLog) -> None:
    """The claim is taken back as deferred: no request left."""
    assert driven(log, in_time=11.99) == [AwaitTurn, Sign, Commit, TimeLeft, Commit]
    assert (job_of(log).state, job_of(log).attempt) == ("deferred", 1)


def test_without_keys_a_job_is_deferred_with_the_reason_and_never_claimed(log: SqliteLog) -> None:
    """The reconciler sends it once there are keys."""
    assert driven(log, signed=Deferred("no credentials")) == [AwaitTurn, Sign, Commit]
    job = job_of(log)
    assert (job.state, job.note, job.attempt) == ("deferred", "no credentials", 0)


def test_a_claim_that_is_not_granted_sends_nothing(log: SqliteLog) -> None:
    """Another instance has the job."""
    effects = start_submission()
    next(effects)
    effects.send(60.0)
    effects.send(REQUEST)
    with pytest.raises(StopIteration):
        effects.send(Claim(0, job_of(log)))


def test_a_job_that_must_be_sent_later_is_signed_and_claimed_again(log: SqliteLog) -> None:
    """The date of an old signature would be the wrong fence."""
    kinds = driven(log, LATER, Created("4d1c"))
    assert kinds == [AwaitTurn, Sign, Commit, TimeLeft, Send, Commit] * 2
    assert (job_of(log).state, job_of(log).attempt) == ("created", 2)


def test_an_api_that_never_lets_a_job_through_is_asked_five_times(log: SqliteLog) -> None:
    """The next reconciler run continues."""
    assert driven(log, *[LATER] * 9).count(Send) == TRIES == 5
    assert job_of(log).state == "deferred"


@pytest.mark.parametrize(
    "answer", [Refused("no", 400, "IEF.1"), Deferred("no", 403), Unknown("cut"), Created("4d1c")]
)
def test_any_other_answer_ends_the_submission(log: SqliteLog, answer: Answer) -> None:
    """Only what the API asks to send later is sent again at once."""
    assert driven(log, answer).count(Send) == 1


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
def test_a_failed_call_has_its_meaning_for_the_job(error: CloudError, kind: type) -> None:
    """Only what certainly did not arrive may be sent again without looking."""
    answer = answer_of(error)
    assert type(answer) is kind
    assert not isinstance(answer, Created)
    assert answer.reason == str(error)


def test_a_job_whose_request_is_gone_is_reported_as_waiting(log: SqliteLog) -> None:
    """Nothing is signed or sent, and the log says what is missing."""
    (effect,) = submission(KEY, None, SENDER)
    assert isinstance(effect, Commit)
    log.commit(effect.decide)
    assert (job_of(log).state, "outbox" in job_of(log).note) == ("deferred", True)


def test_a_job_whose_request_is_not_the_planned_one_is_never_claimed(tmp_path: Path) -> None:
    """It waits with a reason that names the remedy, recorded once; the planned one is sent."""
    job: Part = {"key": KEY, "name": "nightly", "type": "node_upgrade", "document": 1}
    digest: Part = {"digest": sha256_hex("{}")}
    draft = Draft("job.planned", "pending", {"key": "d" * 52}, job=job, request=digest, body="{}")
    about: Part = {"key": "d" * 52, "trigger": "direct", "subject": "direct"}
    planned = Draft("delivery.planned", "pending", delivery=about)
    with closing(SqliteLog(tmp_path / "other.db", clock=lambda: NOW)) as log:
        log.commit(lambda _view: Decision(None, (planned, draft)))
        for _ in range(2):
            exchanged = start_submission('{"another": "request"}')
            assert isinstance(next(exchanged), AwaitTurn)
            exchanged.send(60.0)
            claim = exchanged.send(REQUEST)
            assert log.commit(claim.decide).value.attempt == 0
        assert (job_of(log).state, "jobs abandon" in job_of(log).note) == ("planned", True)
        assert log.read(lambda view: view.head.seq) == 3
        assert driven(log, Created("4d1c")).count(Send) == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("resource name quota-fix-usciijmz is invalid", Refused),
        ("QuotaExceeded", Deferred),
        ("quota_exceeded", Deferred),
        ("nodeQuota is used up", Deferred),
        ("insufficient job-quota", Deferred),
    ],
)
def test_a_quota_and_a_job_that_is_called_so_are_different(text: str, meant: type) -> None:
    """The API quotes the job's name."""
    assert isinstance(answer_of(ApiError(f"IEF answered 400 {text}", status=400)), meant)
