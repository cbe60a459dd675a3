"""Notices in the log: claimed once, answered once, bounded, and never forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from handler.audit.log import Decision
from handler.audit.record import Draft, part
from handler.errors import ApiError, CloudError, CredentialsError, NoAnswerError, NotSentError
from handler.notices.decisions import (
    LOST,
    MOST_DELIVERIES,
    MOST_PER_HOUR,
    MOST_TRIES,
    PAUSE,
    claim_notice,
    claim_summary,
    is_unsent,
    record_answer,
)
from tests.faults.simulation.memory_log import MemoryLog
from tests.support.clock import Clock

if TYPE_CHECKING:
    from handler.notices.decisions import Notice

START = datetime(2026, 11, 26, 2, tzinfo=timezone.utc)
LEASE = timedelta(minutes=1)
WINDOW = timedelta(seconds=30)
REFUSED = ApiError("SMN answered 403", status=403)


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock(START)


@pytest.fixture
def log(clock: Clock) -> MemoryLog:
    """An empty log."""
    return MemoryLog(clock)


def reject(log: MemoryLog, *keys: str) -> None:
    """Record that some deliveries were rejected."""
    drafts = tuple(
        Draft(
            "delivery.rejected",
            "failure",
            delivery={"key": key, "trigger": "object", "subject": f"obs://b/{key}.yaml"},
            note="why",
        )
        for key in keys
    )
    log.commit(lambda _view: Decision(None, drafts))


def doubt(log: MemoryLog, key: str) -> None:
    """Record that a person must look at a delivery again."""
    about = {"key": f"job-{key}", "name": "hall", "type": "node_upgrade"}
    draft = Draft("job.doubted", "failure", delivery={"key": key}, job=about, note="odd")
    log.commit(lambda _view: Decision(None, (draft,)))


def claim(log: MemoryLog) -> Notice | None:
    """Claim a notice."""
    return log.commit(claim_notice(LEASE)).value


def claimed(log: MemoryLog) -> Notice:
    """Claim a notice that is granted."""
    notice = claim(log)
    assert notice
    return notice


def answer(log: MemoryLog, notice: Notice, answered: str | CloudError = "id") -> None:
    """Record the answer to a notice."""
    log.commit(record_answer(notice, answered))


def actions(log: MemoryLog) -> list[str]:
    """Return the last word of the actions about notices."""
    found = [str(record.fields["action"]) for record in log.records()]
    return [name.removeprefix("notice.") for name in found if name.startswith("notice.")]


def last(log: MemoryLog) -> dict[str, Any]:
    """Return the fields of the last record."""
    return list(log.records())[-1].fields


def test_what_is_well_causes_no_notice(log: MemoryLog) -> None:
    """Nor is anything recorded."""
    draft = Draft("delivery.planned", "pending", delivery={"key": "d", "trigger": "direct"})
    log.commit(lambda _view: Decision(None, (draft,)))
    assert claim(log) is None
    assert actions(log) == []


def test_an_alarm_causes_one_notice(log: MemoryLog) -> None:
    """The record has the digest of the text, and the answer the message's id."""
    reject(log, "d")
    notice = claimed(log)
    assert notice.text.subject == "Nightdrop: obs://b/d.yaml was rejected"
    answer(log, notice, "message-1")
    assert part(last(log), "response") == {"message_id": "message-1"}
    assert claim(log) is None
    assert actions(log) == ["sending", "sent"]


def test_two_instances_claim_an_alarm_once(log: MemoryLog) -> None:
    """The second finds it claimed."""
    reject(log, "d")
    assert claim(log)
    assert claim(log) is None


def test_what_alarms_during_a_claim_is_in_the_next_notice(log: MemoryLog) -> None:
    """A delivery has another notice only when there is something new."""
    reject(log, "d")
    notice = claimed(log)
    doubt(log, "d")
    assert claim(log) is None
    answer(log, notice)
    assert claimed(log).shows == {"d": 3}


def test_all_that_is_due_is_in_one_notice(log: MemoryLog) -> None:
    """Each delivery has a record of it."""
    reject(log, "a", "b", "c")
    notice = claimed(log)
    assert notice.text.subject == "Nightdrop: 3 deliveries need attention"
    answer(log, notice)
    assert actions(log) == ["sending"] * 3 + ["sent"] * 3
    assert claim(log) is None


def test_what_is_over_the_bound_waits_and_shares_one(log: MemoryLog, clock: Clock) -> None:
    """An hour after the first notice there is room for another."""
    for number in range(MOST_PER_HOUR + 5):
        reject(log, f"d{number}")
        notice = claim(log)
        assert bool(notice) == (number < MOST_PER_HOUR)
        if notice:
            answer(log, notice)
        clock.now += timedelta(minutes=1)
    clock.now = START + timedelta(hours=1, seconds=1)
    assert len(claimed(log).shows) == 5


def test_a_storm_leads_to_few_notices(log: MemoryLog, clock: Clock) -> None:
    """200 deliveries are in two, and none is forgotten."""
    reject(log, *(f"d{number}" for number in range(200)))
    shown: list[str] = []
    count = 0
    while notice := claim(log):
        answer(log, notice)
        shown += notice.shows
        count += 1
        clock.now += timedelta(seconds=1)
    assert count == 200 / MOST_DELIVERIES
    assert sorted(shown) == sorted(f"d{number}" for number in range(200))


@pytest.mark.parametrize("again", [False, True], ids=["nothing new", "something new"])
def test_a_claim_that_ran_out_is_not_sent_again(
    log: MemoryLog, clock: Clock, *, again: bool
) -> None:
    """It may have been delivered: that is on record, and only something new is sent."""
    reject(log, "d")
    claimed(log)
    if again:
        doubt(log, "d")
    clock.now += LEASE + timedelta(seconds=1)
    notice = claim(log)
    failed = [r.fields for r in log.records() if r.fields["action"] == "notice.failed"]
    assert [(fields["note"], fields["outcome"]) for fields in failed] == [(LOST, "unknown")]
    assert bool(notice) == again
    clock.now += timedelta(days=1)
    if notice:
        answer(log, notice)
    assert claim(log) is None
    assert actions(log).count("sending") == 1 + again


def test_an_answer_that_comes_after_the_lease_is_recorded(log: MemoryLog, clock: Clock) -> None:
    """It changes nothing more."""
    reject(log, "d")
    notice = claimed(log)
    clock.now += LEASE + timedelta(seconds=1)
    assert claim(log) is None
    answer(log, notice)
    assert claim(log) is None
    assert actions(log) == ["sending", "failed", "sent"]


@pytest.mark.parametrize(
    ("error", "unsent"),
    [
        (NotSentError("no connection"), True),
        (CredentialsError("no keys"), True),
        (ApiError("", status=302), True),
        (ApiError("", status=401), True),
        (REFUSED, True),
        (ApiError("", status=404), True),
        (ApiError("", status=408), False),
        (ApiError("", status=429), True),
        (ApiError("", status=500), False),
        (ApiError("", status=503), False),
        (NoAnswerError("no answer"), False),
    ],
)
def test_only_what_certainly_did_not_arrive_is_sent_again(
    log: MemoryLog, clock: Clock, error: CloudError, *, unsent: bool
) -> None:
    """A redirect is not followed, so nothing arrived."""
    assert is_unsent(error) == unsent
    reject(log, "d")
    answer(log, claimed(log), error)
    assert claim(log) is None
    clock.now += PAUSE
    assert bool(claim(log)) == unsent
    assert actions(log)[:2] == ["sending", "deferred" if unsent else "failed"]


def test_a_notice_that_cannot_be_sent_is_given_up(log: MemoryLog, clock: Clock) -> None:
    """With growing pauses, within half a day; then it is on record."""
    reject(log, "d")
    while notice := claim(log):
        answer(log, notice, REFUSED)
        due = part(last(log), "request").get("lease_until")
        clock.now += timedelta(hours=11)
    assert actions(log) == ["sending", "deferred"] * (MOST_TRIES - 1) + ["sending", "failed"]
    assert last(log)["note"] == "SMN answered 403; it is not sent again"
    assert due is None
    assert timedelta(hours=11) > PAUSE * 2 ** (MOST_TRIES - 2)


def test_a_service_that_asks_for_a_longer_pause_gets_it(log: MemoryLog, clock: Clock) -> None:
    """`Retry-After` counts if it is longer than the pause."""
    reject(log, "d")
    answer(log, claimed(log), ApiError("busy", status=429, retry_after=1800))
    clock.now += timedelta(seconds=1799)
    assert claim(log) is None
    clock.now += timedelta(seconds=1)
    assert claim(log)


def test_a_delivery_that_waits_holds_up_no_other(log: MemoryLog) -> None:
    """What alarms meanwhile is sent at once."""
    reject(log, "a")
    answer(log, claimed(log), REFUSED)
    reject(log, "b")
    assert [*claimed(log).shows] == ["b"]


def test_a_summary_is_sent_once_for_an_event(log: MemoryLog, clock: Clock) -> None:
    """A second tick within the window is the same event; the next night has its own."""

    def summarise(at: datetime | None) -> Notice | None:
        return log.commit(claim_summary(at, WINDOW, LEASE)).value

    reject(log, "d")
    first = summarise(START)
    assert first
    assert "1 rejected" in first.text.body
    answer(log, first)
    assert summarise(START) is None
    assert summarise(START + WINDOW) is None
    assert summarise(START - timedelta(days=1)) is None
    clock.now += timedelta(days=1)
    second = summarise(None)
    assert second
    assert "deliveries: none" in second.text.body
    assert actions(log) == ["sending", "sent", "sending"]


def test_a_summary_is_never_of_the_future(log: MemoryLog, clock: Clock) -> None:
    """An event that says so would hold up the summaries of the nights until then."""
    first = log.commit(claim_summary(START + timedelta(days=900), WINDOW, LEASE)).value
    assert first
    clock.now += timedelta(days=1)
    assert log.commit(claim_summary(clock.now, WINDOW, LEASE)).value


def test_a_summary_whose_instance_ended_is_on_record(log: MemoryLog, clock: Clock) -> None:
    """It is not sent again."""
    assert log.commit(claim_summary(START, WINDOW, LEASE)).value
    clock.now += LEASE + timedelta(seconds=1)
    assert claim(log) is None
    assert claim(log) is None
    assert (actions(log), last(log)["note"]) == (["sending", "failed"], LOST)


def test_a_summary_that_failed_is_on_record(log: MemoryLog) -> None:
    """The next night has a summary of its own."""
    notice = log.commit(claim_summary(START, WINDOW, LEASE)).value
    assert notice
    answer(log, notice, REFUSED)
    assert (actions(log), last(log)["outcome"]) == (["sending", "failed"], "failure")
