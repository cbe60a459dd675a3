"""Decisions about notices: claimed in the log, then sent, then recorded.

    alarmed ──► notice.sending ──► notice.sent
                     ├───────────► notice.deferred ──► notice.sending    it certainly did not arrive
                     └───────────► notice.failed                         given up, or it may have

A claim without an answer is never sent again: it may have arrived. One notice is about all
deliveries that are due, so that those that had to wait share one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.audit.state import SUMMARY
from handler.cloud.http_transport import is_denied
from handler.errors import ApiError, CredentialsError, NotSentError
from handler.notices.rollout_text import rollout_texts
from handler.notices.text import Alarm, NoticeText, alarm_text, summary_text
from handler.values.canonical_json import moment, sha256_hex, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handler.audit.log import Decide, Notices, View
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.errors import CloudError
    from handler.notices.rollout_text import RolloutText

MOST_DELIVERIES = 100
"""How many deliveries one notice is about."""

MOST_PER_HOUR = 10
"""How many notices about deliveries are claimed within an hour."""

MOST_TRIES = 8
"""How often a notice that certainly did not arrive is tried."""

PAUSE = timedelta(minutes=5)
"""The pause after the first failed try; it doubles with each of them."""

LOST = "the instance that sent it ended without an answer; it may have been delivered"

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_TICK = timedelta(microseconds=1)


class Notice(NamedTuple):
    """A claimed notice, which may leave once.

    Attributes:
        text: Its text.
        date: When it was claimed, a timestamp; for a summary, the time of its event.
        shows: The deliveries that it is about, each with the number of the record that alarmed;
            empty for a summary.
    """

    text: NoticeText
    date: str
    shows: Mapping[str, int]

    @property
    def request(self) -> Part:
        """What its records say of the request."""
        return {"operation": "publish" if self.shows else SUMMARY, "date": self.date}


def claim_notice(lease: timedelta) -> Decide[Notice | None]:
    """Decide whether this instance may send a notice now, and about which deliveries.

    Claims that have run out are recorded as failed.

    Args:
        lease: How long this instance may take to record the answer.
    """

    def decide(view: View) -> Decision[Notice | None]:
        due = view.unnoticed(MOST_DELIVERIES)
        lost = (*_lost_summary(view.notices, view.now), *_lost_notices(due))
        alarmed = [run for run in due if run.alarmed > run.noticed]
        since = timestamp(view.now - _HOUR)
        if not alarmed or sum(date > since for date in view.notices.dates) >= MOST_PER_HOUR:
            return Decision(None, lost)
        runs = [view.delivery(run.key) or run for run in alarmed]
        shows = {run.key: run.alarmed for run in runs}
        alarms = [Alarm(run, _texts(view, run)) for run in runs]
        notice = Notice(alarm_text(alarms), _new_date(view), shows)
        return Decision(notice, (*lost, *_claims(notice, view.now + lease)))

    return decide


def claim_summary(
    at: datetime | None, window: timedelta, lease: timedelta
) -> Decide[Notice | None]:
    """Decide whether this instance may send the summary that an event asks for.

    Args:
        at: The event's time, aware; None is now, and so is one of more than a week ago.
        window: Two events within it are one.
        lease: How long this instance may take to record the answer.
    """

    def decide(view: View) -> Decision[Notice | None]:
        latest = moment(view.notices.summary) if view.notices.summary else None
        date = at if at and view.now - _WEEK < at < view.now else view.now
        if latest and date <= latest + window:
            return Decision(None)
        since = latest if latest and date - latest < _WEEK else date - _DAY
        notice = Notice(summary_text(view, since), timestamp(date), {})
        lost = _lost_summary(view.notices, view.now)
        return Decision(notice, (*lost, *_claims(notice, view.now + lease)))

    return decide


def record_answer(notice: Notice, answer: str | CloudError) -> Decide[None]:
    """Decide to record the answer to a notice.

    Args:
        notice: The notice.
        answer: The message's id, which may be "", or why it could not be sent.
    """

    def decide(view: View) -> Decision[None]:
        runs = [view.delivery(key) for key in notice.shows]
        drafts = [_answer_about(run, notice, answer, view.now) for run in runs if run]
        # Tomorrow has a summary of its own: none is tried again.
        return Decision(None, (*drafts, *(() if notice.shows else (_answer(notice, answer, {}),))))

    return decide


def is_unsent(error: CloudError) -> bool:
    """Return whether a notice certainly did not arrive: it was not sent, or was refused."""
    if isinstance(error, ApiError):
        return is_denied(error.status) or 300 <= error.status < 400  # noqa: PLR2004 - a redirection
    return isinstance(error, NotSentError | CredentialsError)


def _texts(view: View, run: DeliveryState) -> tuple[RolloutText, ...]:
    return rollout_texts(view, run.key) if run.rollouts else ()


def _new_date(view: View) -> str:
    """Return the time as a timestamp that no other notice has: they are counted by it."""
    latest = view.notices.dates[-1:]
    return max([timestamp(view.now), *(timestamp(moment(one) + _TICK) for one in latest)])


def _claims(notice: Notice, until: datetime) -> tuple[Draft, ...]:
    """Return the records of a claim: one for each delivery, which shows it in its timeline."""
    digest = sha256_hex(f"{notice.text.subject}\n{notice.text.body}")
    request: Part = {**notice.request, "lease_until": timestamp(until), "digest": digest}
    about: list[Part] = [{"key": key, "shows": seq} for key, seq in notice.shows.items()]
    return tuple(
        Draft("notice.sending", "pending", delivery=one, request=request) for one in about or [{}]
    )


def _answer_about(
    run: DeliveryState, notice: Notice, answer: str | CloudError, now: datetime
) -> Draft:
    """Return the record of an answer for one of a notice's deliveries."""
    about: Part = {"key": run.key, "shows": notice.shows[run.key]}
    if isinstance(answer, str) or not is_unsent(answer) or run.notice_tries >= MOST_TRIES:
        return _answer(notice, answer, about)
    asked = (isinstance(answer, ApiError) and answer.retry_after) or 0
    pause = max(PAUSE * 2 ** max(0, run.notice_tries - 1), timedelta(seconds=asked))
    request: Part = {**notice.request, "lease_until": timestamp(now + pause)}
    return Draft("notice.deferred", "failure", about, request=request, note=str(answer))


def _answer(notice: Notice, answer: str | CloudError, about: Part) -> Draft:
    """Return the record of an answer after which nothing is sent again."""
    if isinstance(answer, str):
        response: Part = {"message_id": answer or None}
        return Draft("notice.sent", "success", about, request=notice.request, response=response)
    if is_unsent(answer):
        note = f"{answer}; it is not sent again"
        return Draft("notice.failed", "failure", about, request=notice.request, note=note)
    note = f"{answer}; it may have been delivered, and is not sent again"
    return Draft("notice.failed", "unknown", about, request=notice.request, note=note)


def _lost_notices(due: tuple[DeliveryState, ...]) -> tuple[Draft, ...]:
    """Return the records that claims have run out: those due although they are claimed."""
    return tuple(
        Draft("notice.failed", "unknown", {"key": run.key, "shows": run.noticed}, note=LOST)
        for run in due
        if run.notice_due and run.noticed
    )


def _lost_summary(notices: Notices, now: datetime) -> tuple[Draft, ...]:
    if not notices.summary_due or moment(notices.summary_due) > now:
        return ()
    request: Part = {"operation": SUMMARY, "date": notices.summary}
    return (Draft("notice.failed", "unknown", request=request, note=LOST),)
