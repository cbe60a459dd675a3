"""One operation on a job, driven by the test: claimed, sent, recorded, and settled."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.sql.sqlite import SqliteLog
from handler.cloud.http_transport import Request
from handler.cloud.ief.client import ShownJob
from handler.jobs.decisions import Deferred, Done, Refused, Unknown
from handler.jobs.effects import (
    Commit,
    Gone,
    SendSettings,
)
from handler.jobs.operation_decisions import record_operation
from handler.jobs.operation_submission import operation_settlement, operation_submission
from handler.jobs.operations import OPERATIONS, OperationRequest, OperationResult
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from handler.audit.job_state import JobState
    from handler.audit.record import Fields, Part

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
SENDER = SendSettings(seconds_per_request=12.0, settle_after=1200)
KEY = "k" * 52
ENDED_AT = int(NOW.timestamp()) - 60
ABOUT: dict[str, Part] = {
    "delivery": {"key": "d" * 52, "trigger": "direct", "subject": "direct"},
    "job": {"key": KEY, "name": "nightly", "type": "node_upgrade", "document": 1},
}
OPERATOR = {"kind": "operator", "name": "ada"}
CONFLICT = Refused("IEF answered 400 IEF.100409 the job is Waiting", 400, "IEF.100409")
LOST = Unknown("no answer")
RUNNING = ShownJob("id-1", "Running", ())


class Scene:
    """A log with one created job, and the time."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.log = SqliteLog(path, clock=lambda: self.now)
        self.commit("delivery.planned")
        self.commit("job.planned")
        self.commit("job.created", response={"status": 201, "job_id": "id-1"})

    def commit(self, action: str, **parts: Part) -> None:
        """Record something about the job."""
        draft = Draft(action, "success", **{**ABOUT, **parts})  # type: ignore[arg-type] # parts only
        self.log.commit(lambda _view: Decision(None, (draft,)))

    def finish(self, status: str, *, ended_at: int = ENDED_AT) -> None:
        """Record that the job has ended."""
        ended: Part = {"final": status, "tasks": 2, "succeeded": 1, "ended_at": ended_at}
        self.commit("job.finished", response=ended)

    def drive(
        self,
        effects: Generator[Any, Any, Any],
        answer: object = None,
        shown: object = None,
        **replies: object,
    ) -> tuple[Any, list[str]]:
        """Drive effects to their end; answers their result and the kinds of effects.

        Effects are answered with `answer`, `shown`, or what is given by an effect's name.
        """
        kinds: list[str] = []
        reply: Any = None
        signed = Request("POST", "https://ief.example.com/", {}, b"", timestamp(self.now))
        try:
            while True:
                effect = effects.send(reply)
                kinds.append(type(effect).__name__)
                if isinstance(effect, Commit):
                    reply = self.log.commit(effect.decide).value
                else:
                    usual = {
                        "AwaitTurn": 60.0, "TimeLeft": 60.0, "SignOperation": signed,
                        "SendOperation": answer, "ShowJob": shown,
                    }  # fmt: skip
                    reply = {**usual, **replies}[kinds[-1]]
        except StopIteration as done:
            return done.value, kinds

    def ask(self, name: str, answer: object = None, shown: object = None) -> OperationResult:
        """Ask for an operation on the job."""
        request = OperationRequest(OPERATIONS[name], OPERATOR, "ticket 4711")
        result, _ = self.drive(operation_submission(KEY, request, SENDER), answer, shown)
        assert isinstance(result, OperationResult)
        return result

    def settle(self, shown: object, *, seconds: float) -> None:
        """Let time pass, and let the reconciler look at the claimed operation."""
        self.now += timedelta(seconds=seconds)
        self.drive(operation_settlement(self.job, self.now, SENDER), shown=shown)

    @property
    def job(self) -> JobState:
        """The job in its present state."""
        job = self.log.read(lambda view: view.job(KEY))
        assert job
        return job

    @property
    def last(self) -> Fields:
        """The latest record."""
        return [*self.log.records()][-1].fields


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A job that runs on the fleet."""
    opened = Scene(tmp_path / "audit.db")
    yield opened
    opened.log.close()


PREPARED: dict[str, Callable[[Scene], None]] = {
    "pause": lambda _scene: None,
    "resume": lambda scene: scene.commit("job.paused"),
    "retry": lambda scene: scene.finish("Failed"),
    "delete": lambda scene: scene.finish("Failed"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_signed_then_claimed_then_sent_then_recorded(
    scene: Scene, name: str
) -> None:
    """The order is the promise: the claim is durable before the request leaves."""
    PREPARED[name](scene)
    operation, before = OPERATIONS[name], len([*scene.log.records()])
    effects = operation_submission(KEY, OperationRequest(operation, OPERATOR, "why"), SENDER)
    result, kinds = scene.drive(effects, Done())
    sentence = f"job nightly is {operation.participle}"
    assert result == OperationResult("done", sentence, scene.job)
    assert kinds == [
        "Commit", "AwaitTurn", "SignOperation", "Commit", "TimeLeft", "SendOperation", "Commit",
    ]  # fmt: skip
    claim, done = [record.fields for record in scene.log.records()][before:]
    assert (claim["action"], done["action"]) == (operation.claimed, operation.done)
    assert (claim["actor"], claim["note"], done["note"]) == (OPERATOR, "why", "why")
    assert claim["request"] == {
        "operation": operation.call,
        "date": timestamp(NOW),
        "lease_until": timestamp(NOW + timedelta(seconds=60)),
    }
    assert scene.job.operation == ""


def test_a_done_operation_changes_the_state(scene: Scene) -> None:
    """A paused job is followed on, a retried one again, a deleted one has ended."""
    scene.ask("pause", Done())
    assert (scene.job.paused, scene.job.followed, scene.job.note) == (True, True, "ticket 4711")
    scene.ask("resume", Done())
    assert (scene.job.paused, scene.job.followed) == (False, True)
    scene.finish("Failed")
    scene.ask("retry", Done())
    assert (scene.job.finished, scene.job.tasks, scene.job.followed) == ("", 0, True)
    scene.ask("delete", Done())
    assert (scene.job.finished, scene.job.followed) == ("deleted", False)


@pytest.mark.parametrize("name", ["pause", "delete"])
def test_what_is_so_already_costs_no_request_and_no_record(scene: Scene, name: str) -> None:
    """However often it is asked for."""
    scene.ask(name, Done())
    before = [*scene.log.records()]
    request = OperationRequest(OPERATIONS[name], OPERATOR)
    result, kinds = scene.drive(operation_submission(KEY, request, SENDER))
    assert (result.outcome, kinds, [*scene.log.records()]) == ("so", ["Commit"], before)


@pytest.mark.parametrize(
    ("answer", "again"),
    [(CONFLICT, False), (Deferred("IEF answered 403", 403), True), (Deferred("not sent"), True)],
)
def test_what_was_not_done_is_on_record_with_the_reason(
    scene: Scene, answer: Refused | Deferred, *, again: bool
) -> None:
    """The job stays as it was, and the next request is sent."""
    result = scene.ask("pause", answer)
    assert (result.outcome, answer.reason in result.sentence) == ("not done", True)
    assert ("may be tried again" in result.sentence) is again
    assert (scene.last["action"], scene.last["outcome"]) == ("job.unchanged", "failure")
    assert (scene.last["actor"], scene.job.operation) == (OPERATOR, "")
    assert scene.ask("pause", Done()).outcome == "done"


def test_why_a_job_failed_stays_known_after_a_refused_retry(scene: Scene) -> None:
    """The result file and the replies go on saying it."""
    scene.commit("job.finished", response={"final": "Failed"})
    scene.ask("retry", CONFLICT)
    assert (scene.job.finished, scene.job.note) == ("Failed", "")
    assert scene.last["note"] == f"not retried: {CONFLICT.reason}"


@pytest.mark.parametrize(
    "replies", [{"AwaitTurn": 0.0}, {"SignOperation": Deferred("there are no keys")}]
)
def test_without_time_or_keys_nothing_is_claimed(scene: Scene, replies: dict[str, object]) -> None:
    """Nothing has happened, and the answer says so."""
    request = OperationRequest(OPERATIONS["pause"], OPERATOR)
    result, kinds = scene.drive(operation_submission(KEY, request, SENDER), **replies)
    assert (result.outcome, kinds.count("Commit"), scene.job.operation) == ("not done", 1, "")


def test_a_process_that_froze_after_its_claim_does_not_send(scene: Scene) -> None:
    """It is on record as not done."""
    request = OperationRequest(OPERATIONS["pause"], OPERATOR)
    result, kinds = scene.drive(operation_submission(KEY, request, SENDER), TimeLeft=1.0)
    assert (result.outcome, "SendOperation" in kinds) == ("not done", False)
    assert scene.last["action"] == "job.unchanged"


def test_a_lost_answer_is_settled_at_once_if_the_job_shows_it(scene: Scene) -> None:
    """Otherwise it is not known yet, and the claim stays."""
    assert scene.ask("pause", LOST, RUNNING).outcome == "unknown"
    assert scene.job.operation == "pause"
    scene.now += timedelta(seconds=61)
    assert scene.ask("pause", shown=ShownJob("id-1", "Stopping", ())).outcome == "so"
    assert scene.last["action"] == "job.paused"
    assert "the answer was lost" in str(scene.last["note"])


def test_an_operation_that_another_instance_settled_is_answered_by_the_jobs_state(
    scene: Scene,
) -> None:
    """Its claim is over while this one still looks at the job."""
    assert scene.ask("pause", LOST, RUNNING).outcome == "unknown"
    claimed, paused = scene.job, ShownJob("id-1", "Stopped", ())
    scene.settle(paused, seconds=5)
    settled, _ = scene.drive(operation_settlement(claimed, scene.now, SENDER), shown=paused)
    assert settled == OperationResult("done", "job nightly is paused", scene.job)
    assert scene.job.paused


FAILED = ShownJob("id-1", "Failed", (("Successful", ""), ("Failed", "")), updated_at=ENDED_AT)
BETTER = ShownJob("id-1", "Failed", (("Successful", ""), ("Successful", "")))
LATER = ShownJob("id-1", "Failed", FAILED.tasks, updated_at=ENDED_AT + 120)
STOPPED_BEFORE = ShownJob("id-1", "Stopped", (), updated_at=ENDED_AT)
RAN_BEFORE = ShownJob("id-1", "Running", (), updated_at=ENDED_AT)


@pytest.mark.parametrize(
    ("name", "shown", "seconds", "action"),
    [
        ("pause", ShownJob("id-1", "Stopping", ()), 61, "job.paused"),
        ("pause", ShownJob("id-1", "Stopped", ()), 61, "job.paused"),
        ("pause", RUNNING, 1199, ""),
        ("pause", RUNNING, 1200, "job.unchanged"),
        ("pause", ShownJob("id-1", "Successful", ()), 61, "job.unchanged"),
        ("pause", Gone(), 1199, ""),
        ("pause", Gone(), 1200, "job.unchanged"),
        ("resume", RUNNING, 61, "job.resumed"),
        ("resume", ShownJob("id-1", "Timed_out", ()), 61, "job.resumed"),
        ("resume", ShownJob("id-1", "Stopped", ()), 1199, ""),
        ("resume", ShownJob("id-1", "Stopped", ()), 1200, "job.unchanged"),
        ("resume", ShownJob("id-1", "unreadable", ()), 1199, ""),
        ("resume", ShownJob("id-1", "unreadable", ()), 1200, "job.unchanged"),
        ("retry", RUNNING, 61, "job.retried"),
        ("retry", ShownJob("id-1", "Successful", ()), 61, "job.retried"),
        ("retry", LATER, 61, "job.retried"),
        ("retry", BETTER, 61, "job.retried"),
        ("retry", FAILED, 1199, ""),
        ("retry", FAILED, 1200, "job.unchanged"),
        ("pause", STOPPED_BEFORE, 1, "job.paused"),
        ("resume", RAN_BEFORE, 1199, ""),
        ("resume", RAN_BEFORE, 1200, "job.resumed"),
        ("retry", RAN_BEFORE, 1199, ""),
        ("retry", RAN_BEFORE, 1200, "job.retried"),
        ("delete", Gone(), 1199, ""),
        ("delete", Gone(), 1200, "job.deleted"),
        ("delete", FAILED, 1200, "job.unchanged"),
        ("delete", None, 1200, ""),
    ],
)
def test_a_lost_answer_is_settled_by_what_the_api_shows(
    scene: Scene, name: str, shown: object, seconds: float, action: str
) -> None:
    """As done when the job shows it; as not done once the request cannot land any more.

    What IEF dates before the request may be what it showed before: it counts once that is over.
    """
    PREPARED[name](scene)
    assert scene.ask(name, LOST).outcome == "unknown"
    claimed = scene.job
    assert claimed.operation == name
    scene.settle(shown, seconds=seconds)
    if not action:
        assert scene.job == claimed
        return
    assert (scene.last["action"], scene.job.operation) == (action, "")


def test_a_retry_that_another_instance_settled_is_answered_as_done(scene: Scene) -> None:
    """The job runs again, or its end is open: nothing is left for the reconciler."""
    PREPARED["retry"](scene)
    assert scene.ask("retry", LOST).outcome == "unknown"
    claimed = scene.job
    scene.settle(RUNNING, seconds=61)
    settled, _ = scene.drive(operation_settlement(claimed, scene.now, SENDER), shown=RUNNING)
    assert settled == OperationResult("done", "job nightly is retried", scene.job)


def test_an_end_after_a_job_was_given_up_is_no_sign_of_a_retry(scene: Scene) -> None:
    """Nobody had seen how it ended, so its end cannot differ from that."""
    scene.finish("Waiting")
    assert scene.ask("retry", LOST).outcome == "unknown"
    ended = ShownJob("id-1", "Timed_out", FAILED.tasks, updated_at=ENDED_AT)
    scene.settle(ended, seconds=1200)
    assert scene.last["action"] == "job.unchanged"


def test_a_deletion_of_what_the_api_does_not_know_is_settled(scene: Scene) -> None:
    """The API may lag behind: only later is the job known to be gone."""
    assert scene.ask("delete", Refused("no such job", 404, "")).outcome == "unknown"
    assert scene.job.operation == "delete"
    scene.settle(Gone(), seconds=1200)
    assert scene.last["action"] == "job.deleted"


def test_an_answer_after_its_settlement_changes_nothing(scene: Scene) -> None:
    """The settlement has seen what the API did."""
    scene.ask("pause", LOST)
    claimed = scene.job
    scene.settle(ShownJob("id-1", "Stopped", ()), seconds=61)
    before = scene.job
    request = OperationRequest(OPERATIONS["pause"], OPERATOR)
    for answer in (Done(), CONFLICT, Deferred("later"), LOST):
        scene.log.commit(record_operation(claimed, request, answer))
        assert scene.job == before


def test_a_state_that_was_changed_outside_is_not_acted_on(scene: Scene) -> None:
    """The job's latest record does not say what its row says."""
    scene.log._db.execute("UPDATE jobs SET seq = seq - 1")  # noqa: SLF001 - tampering
    result = scene.ask("delete", Done())
    assert (result.outcome, scene.last["action"]) == ("not done", "state.contradicted")


@pytest.mark.parametrize(("status", "settled"), [("Failed", False), ("Successful", True)])
def test_a_lost_pause_of_a_job_that_failed_is_settled_once_it_cannot_come_any_more(
    scene: Scene, status: str, *, settled: bool
) -> None:
    """A retry in between would have it paused after all; one that succeeded is never retried."""
    shown = ShownJob("4d1c", status, ((status, ""),))
    scene.ask("pause", Unknown("no answer"), shown)
    assert (scene.job.operation == "") is settled
    if not settled:
        scene.settle(shown, seconds=SENDER.settle_after)
    assert scene.job.operation == ""
    assert scene.last["action"] == "job.unchanged"


def test_a_task_that_succeeds_late_is_no_sign_of_a_lost_retry(scene: Scene) -> None:
    """A job that timed out shows more successes later, without anybody's doing."""
    scene.finish("Timed_out")
    assert scene.ask("retry", LOST).outcome == "unknown"
    late = ShownJob("id-1", "Timed_out", BETTER.tasks, updated_at=ENDED_AT)
    scene.settle(late, seconds=61)
    assert scene.job.operation == "retry"
    scene.settle(late, seconds=1200)
    assert scene.last["action"] == "job.unchanged"
