"""Sends notices at the end of an invocation, when all of its other work is done.

A failure here changes no reply: it is in the log or in a log line, and the next invocation goes on.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.cloud.smn.client import Smn
from handler.cloud.webhook import Webhook
from handler.errors import CloudError
from handler.notices.decisions import claim_notice, claim_summary, record_answer
from handler.runtime.response import Answered
from handler.runtime.structured_log import logged_errors
from handler.values.canonical_json import key_of
from handler.values.notify_address import topic_of, webhook_key

if TYPE_CHECKING:
    from datetime import datetime

    from handler.invocation.invocation import Invocation
    from handler.notices.decisions import Notice
    from handler.runtime.structured_log import Write

_SLACK = timedelta(minutes=1)
"""How much longer than this invocation a claim lasts: clocks differ."""


def notify(invocation: Invocation, write: Write) -> None:
    """Send a notice about all deliveries that are due, in one message, if time is left.

    Args:
        invocation: The dependencies of this invocation.
        write: Writes a log line if the log or anything else fails.
    """
    if not _time_left(invocation):
        return
    with logged_errors(write, postponed="notice.postponed", failed="notice.failed"):
        # Asked first: a commit, even an empty one, would lock out other writers.
        decide = claim_notice(_lease(invocation))
        if invocation.log.read(decide, fresh=False).drafts:
            notice = invocation.log.commit(decide).value
            if notice:
                _deliver(notice, invocation)


def summarise(at: datetime | None, invocation: Invocation) -> Answered:
    """Send the summary that an event asks for, once.

    Args:
        at: The event's time; None if it has none.
        invocation: The dependencies of this invocation.

    Raises:
        LogError: The log could not be read or written; nothing was sent.
    """
    if not invocation.settings.notify:
        return Answered([], warnings=["no summary was sent: NIGHTDROP_NOTIFY is not set"])
    if not _time_left(invocation):
        return Answered([], warnings=["no summary was sent: no time was left"])
    window = timedelta(seconds=invocation.settings.timer_window)
    decide = claim_summary(at, window, _lease(invocation))
    notice = invocation.log.commit(decide).value
    if notice is None:
        return Answered([], warnings=["the summary of this event was sent before"])
    error = _deliver(notice, invocation)
    return Answered([], warnings=[f"the summary was not sent: {error}"] if error else [])


def _deliver(notice: Notice, invocation: Invocation) -> CloudError | None:
    """Send a claimed notice and record the answer."""
    try:
        answer: str | CloudError = _send(notice, invocation)
    except CloudError as error:
        answer = error
    invocation.log.commit(record_answer(notice, answer))
    return None if isinstance(answer, str) else answer


def _send(notice: Notice, invocation: Invocation) -> str:
    """Send a notice to where the settings say; return the message's id, "" for none."""
    settings, ief = invocation.settings, invocation.ief
    deadline = invocation.deadline.earlier(invocation.sending.seconds_per_request)
    topic, text = topic_of(settings.notify), notice.text
    if topic:
        smn = Smn(settings.smn_endpoint, topic, ief.credentials, ief.transport, ief.clock, deadline)
        return smn.publish(text.subject, text.body)
    key = webhook_key(settings.notify_key.get_secret_value())
    hook = Webhook(settings.notify, key, ief.transport, ief.clock, deadline)
    kind = "nightdrop.notice" if notice.shows else "nightdrop.summary"
    data = {"subject": text.subject, "message": text.body, "deliveries": list(notice.shows)}
    body = json.dumps({"type": kind, "timestamp": notice.date, "data": data}, ensure_ascii=False)
    hook.post(key_of([notice.date, body])[:26], body.encode())
    return ""


def _lease(invocation: Invocation) -> timedelta:
    return timedelta(seconds=invocation.deadline.left()) + _SLACK


def _time_left(invocation: Invocation) -> bool:
    """Return whether there is time for a request, and for the checkpoint that comes after it."""
    return invocation.deadline.left() > 2 * invocation.sending.seconds_per_request
