"""What an operation on a job is answered without a request, by what the job is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.audit.actions import ACTIONS
from handler.audit.job_state import JobState
from handler.jobs.operations import (
    OPERATIONS,
    OperationRequest,
    OperationResult,
    changed_since,
    result_without_sending,
)
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from handler.audit.log import View

NOW = datetime(2026, 11, 24, 2, tzinfo=timezone.utc)
CREATED = JobState("k", "d", 1, "nightly", "node_upgrade", "created", job_id="id-1")
JOBS: dict[str, JobState] = {
    "planned": CREATED._replace(state="planned", job_id=""),
    "unknown": CREATED._replace(state="unknown", job_id=""),
    "refused": CREATED._replace(state="refused", job_id=""),
    "running": CREATED,
    "adopted": CREATED._replace(state="adopted"),
    "paused": CREATED._replace(paused=True),
    "stopped": CREATED._replace(finished="Stopped"),
    "succeeded": CREATED._replace(finished="Successful"),
    "failed": CREATED._replace(finished="Failed"),
    "partly": CREATED._replace(finished="Partially_successful"),
    "timed out": CREATED._replace(finished="Timed_out"),
    "deleted": CREATED._replace(finished="deleted"),
    "duplicated": CREATED._replace(state="duplicated"),
}
# Of pause, resume, retry and delete: s(ent), i(s so already), or - (refused).
TABLE = {
    "planned": "----", "unknown": "----", "refused": "----", "running": "si-s", "adopted": "si-s",
    "paused": "is-s", "stopped": "-s-s", "succeeded": "---s", "failed": "--ss", "partly": "--ss",
    "timed out": "--ss", "deleted": "---i", "duplicated": "---s",
}  # fmt: skip
_LETTERS = {"so": "i", "not done": "-", "unknown": "?"}


@dataclass(frozen=True)
class Switches:
    """What an operation asks of a view: its clock, and whether sending is held."""

    now: datetime = NOW
    held: str = ""

    def switch(self, _name: str) -> str:
        """Return why sending is held."""
        return self.held


def result_of(
    name: str, job: JobState, view: Switches | None = None, asked_at: datetime | None = None
) -> OperationResult | None:
    """Return the result of a request that is not sent."""
    request = OperationRequest(OPERATIONS[name], {"kind": "caller"}, asked_at=asked_at)
    return result_without_sending(cast("View", view or Switches()), job, request)


def claimed(**changes: Any) -> JobState:  # noqa: ANN401 - any field
    """Return a job that is being paused."""
    return CREATED._replace(operation="pause", lease_until=timestamp(NOW), **changes)


@pytest.mark.parametrize("what", JOBS)
def test_an_operation_is_sent_where_the_state_allows_it(what: str) -> None:
    """What is so already is answered so, everything else is refused."""
    results = [result_of(name, JOBS[what]) for name in OPERATIONS]
    assert "".join(_LETTERS[one.outcome] if one else "s" for one in results) == TABLE[what]
    assert all("job nightly " in one.sentence for one in results if one)


@pytest.mark.parametrize(
    ("name", "what", "sentence"),
    [
        ("pause", "planned", "nightdrop jobs abandon"),
        ("delete", "refused", "there is nothing of it on the fleet"),
        ("retry", "running", "no end on record"),
        ("retry", "paused", "resume it first"),
        ("pause", "failed", "nightdrop jobs retry"),
        ("pause", "stopped", "nightdrop jobs resume"),
        ("resume", "deleted", "was deleted"),
        ("pause", "duplicated", "exists twice"),
        ("pause", "paused", "is paused already"),
        ("resume", "running", "is running already"),
    ],
)
def test_a_refusal_says_what_to_do_instead(name: str, what: str, sentence: str) -> None:
    """Or why there is nothing to do."""
    result = result_of(name, JOBS[what])
    assert result
    assert sentence in result.sentence


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_job_that_is_being_sent_is_left_until_its_lease_ends(name: str) -> None:
    """It cannot be abandoned before that either, so that is not offered."""
    until = timestamp(NOW + timedelta(minutes=5))
    sending = CREATED._replace(state="sending", job_id="", lease_until=until)
    live, over = (
        result_of(name, sending, Switches(now=now)) for now in (NOW, NOW + timedelta(minutes=5))
    )
    assert live
    assert over
    assert [one.outcome for one in (live, over)] == ["not done"] * 2
    assert "until 2026-11-24T02:05:00Z at the latest" in live.sentence
    assert ["abandon" in one.sentence for one in (live, over)] == [False, True]


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_is_sent_while_another_is_not_settled(name: str) -> None:
    """While its lease is live, another instance is at it; afterwards nobody knows yet."""
    earlier = Switches(now=NOW - timedelta(seconds=1))
    live, over = result_of(name, claimed(), earlier), result_of(name, claimed())
    assert live
    assert over
    assert (live.outcome, "is being paused right now" in live.sentence) == ("not done", True)
    assert (over.outcome, "the reconciler settles it" in over.sentence) == ("unknown", True)


@pytest.mark.parametrize(
    ("name", "what", "refused"),
    [("resume", "paused", True), ("retry", "failed", True), ("pause", "running", False),
     ("delete", "running", False)],
)  # fmt: skip
def test_a_hold_stops_what_starts_work_on_the_fleet(name: str, what: str, *, refused: bool) -> None:
    """Jobs can be paused and deleted while sending is held."""
    result = result_of(name, JOBS[what], Switches(held="freeze"))
    assert ("held (freeze)" in result.sentence if result else False) is refused


@pytest.mark.parametrize(
    ("name", "what"), [("pause", "running"), ("resume", "paused"), ("retry", "failed")]
)
def test_a_request_from_before_the_last_change_of_a_job_is_refused(name: str, what: str) -> None:
    """It may be a late copy, also one from that very moment; a later one is sent."""
    job = JOBS[what]._replace(changed_at=timestamp(NOW - timedelta(minutes=10)))
    late = result_of(name, job, asked_at=NOW - timedelta(minutes=10))
    assert late
    assert late.outcome == "not done"
    assert late.sentence == (
        "job nightly changed at 2026-11-24T01:50:00.000000Z, and this was asked at "
        "2026-11-24T01:50:00.000000Z; look at it, and ask again"
    )
    assert result_of(name, job, asked_at=NOW - timedelta(minutes=9)) is None


def test_what_is_so_already_is_answered_so_whenever_it_was_asked_for() -> None:
    """A copy gets the answer that the first one led to."""
    job = JOBS["paused"]._replace(changed_at=timestamp(NOW))
    result = result_of("pause", job, asked_at=NOW - timedelta(minutes=1))
    assert result
    assert result.outcome == "so"


def test_a_deletion_is_sent_whenever_it_was_asked_for() -> None:
    """It cannot happen twice."""
    job = CREATED._replace(changed_at=timestamp(NOW))
    assert result_of("delete", job, asked_at=NOW - timedelta(days=1)) is None


def test_a_request_from_the_future_is_refused() -> None:
    """Each of its copies would come in time; clocks may differ by five minutes."""
    changed_at = timestamp(NOW - timedelta(hours=1))
    assert changed_since(NOW + timedelta(minutes=5), changed_at, NOW) == ""
    why = changed_since(NOW + timedelta(minutes=6), changed_at, NOW)
    assert why.endswith("02:06:00.000000Z, in the future; check your clock, and ask again")


def test_every_operation_has_its_call_in_the_table_of_actions() -> None:
    """The exported event of a claim and of its success names the API's operation."""
    for operation in OPERATIONS.values():
        for action in (operation.claimed, operation.done):
            call = ACTIONS[action].call
            assert call
            assert call.operation == operation.call
