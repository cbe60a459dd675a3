"""Folds the records into the state of deliveries and jobs, one record at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from handler.audit.actions import DELIVERY_ACTIONS, needs_attention
from handler.audit.record import part, rule_id
from handler.audit.state import UNDECIDED, DeliveryState, JobState, replace

if TYPE_CHECKING:
    from handler.audit.log import Notices
    from handler.audit.record import Fields
    from handler.audit.state import DeliveryWord, JobWord

SUMMARY = "summary"
"""`request.operation` of a notice that is the summary of a night."""

_REMEMBERED = 100
"""How many notices the state remembers."""


def fold_job(job: JobState | None, fields: Fields) -> JobState | None:
    """Return a job's state after one more of its records.

    Args:
        job: Its state before; None before `job.planned`.
        fields: The record's fields; their action starts with `job.`.
    """
    word = str(fields["action"]).removeprefix("job.")
    if job is None:
        return _planned_job(fields) if word == "planned" else None
    note = str(fields.get("note", ""))
    seen = replace(job, seq=_int(fields["seq"]), changed_at=str(fields["at"]), note=note)
    if word == "doubted":
        return seen
    request, response = part(fields, "request"), part(fields, "response")
    if word == "finished":
        tasks, succeeded = (_int(response.get(name, 0)) for name in ("tasks", "succeeded"))
        return replace(seen, finished=str(response["final"]), tasks=tasks, succeeded=succeeded)
    if word == "sending":
        return replace(
            seen,
            state="sending",
            attempt=_int(request["attempt"]),
            date=str(request["date"]),
            lease_until=str(request["lease_until"]),
            status=0,
            note="",
        )
    return replace(
        seen,
        state=cast("JobWord", word),
        status=_int(response.get("status", 0)),
        job_id=job.job_id or str(response.get("job_id", "")),
        doubtful=job.doubtful or word == "absent",
    )


def fold_delivery(delivery: DeliveryState | None, fields: Fields) -> DeliveryState | None:
    """Return a delivery's state after one more record about it or one of its jobs.

    A delivery that is already decided keeps its state: what arrives again only moves `last_seq`.

    Args:
        delivery: Its state before; None before its first record.
        fields: The record's fields; they name the delivery.
    """
    action, said, seq = str(fields["action"]), part(fields, "delivery"), _int(fields["seq"])
    if delivery:
        delivery = replace(delivery, last_seq=seq)
    if action.startswith("result.") and delivery:
        return _fold_result(delivery, fields)
    if action.startswith("notice.") and delivery:
        return _fold_notice(delivery, fields)
    alarm = {"alarmed": seq} if needs_attention(fields) else {}
    if action.startswith("job.") and delivery:
        return replace(delivery, changed=seq, **alarm)
    if action not in DELIVERY_ACTIONS:
        return delivery
    before = delivery or DeliveryState(
        key=str(said["key"]),
        trigger=str(said.get("trigger", "")),
        subject=str(said.get("subject", "")),
        fired_at=str(said.get("fired_at", "")),
        state="received",
        body_digest=str(part(fields, "request").get("digest", "")),
        first_seq=seq,
        last_seq=seq,
    )
    if before.state not in UNDECIDED or (before.state, action) == ("awaiting", "delivery.repeated"):
        return before
    return replace(
        before,
        state=cast("DeliveryWord", DELIVERY_ACTIONS[action]),
        digest=str(said.get("digest", before.digest)),
        etag=str(part(fields, "source").get("read_etag", "")),
        repeats=str(said.get("repeats", "")),
        rule=rule_id(str(said.get("policy", "")), said.get("rule", 0)),
        awaits_until=str(part(fields, "request").get("lease_until", before.awaits_until)),
        approved=str(said["digest"]) if action == "delivery.approved" else before.approved,
        note=str(fields.get("note", "")),
        touched_at=str(fields["at"]),
        seq=seq,
        changed=seq,
        **alarm,
    )


def _fold_result(delivery: DeliveryState, fields: Fields) -> DeliveryState:
    """Return a delivery's state after one more record about its result file.

    `result.failed` that says what it shows has given the file up: it counts as written.
    """
    said, action = part(fields, "delivery"), str(fields["action"])
    if action == "result.writing":
        due_at = str(part(fields, "request")["lease_until"])
        return replace(delivery, tries=delivery.tries + 1, due_at=due_at)
    if action == "result.failed" and "shows" not in said:
        due_at = str(part(fields, "request").get("lease_until", delivery.due_at))
        return replace(delivery, result_error=str(fields.get("note", "")), due_at=due_at)
    shown = _int(said.get("shows", delivery.changed))
    return replace(delivery, reported=shown, tries=0, due_at="", result_error="")


def _fold_notice(delivery: DeliveryState, fields: Fields) -> DeliveryState:
    """Return a delivery's state after one more record about a notice of it.

    An answer changes nothing if another notice was claimed since the one that it is about.
    """
    action, request = str(fields["action"]), part(fields, "request")
    shows = _int(part(fields, "delivery")["shows"])
    due = str(request.get("lease_until", ""))
    if action == "notice.sending":
        tries = delivery.notice_tries + 1
        return replace(delivery, noticed=shows, notice_tries=tries, notice_due=due)
    if delivery.noticed != shows:
        return delivery
    if action == "notice.deferred":
        return replace(delivery, noticed=0, notice_due=due)
    return replace(delivery, notice_tries=0, notice_due="")


def fold_notices(before: Notices, fields: Fields) -> Notices:
    """Return the latest notices after one more record about one."""
    request = part(fields, "request")
    date, claimed = str(request.get("date", "")), fields["action"] == "notice.sending"
    if request.get("operation") == SUMMARY:
        if claimed:
            return before._replace(summary=date, summary_due=str(request["lease_until"]))
        return before._replace(summary_due="") if date == before.summary else before
    if not claimed or date in before.dates:  # one notice may be about many deliveries
        return before
    return before._replace(dates=(*before.dates, date)[-_REMEMBERED:])


def _planned_job(fields: Fields) -> JobState:
    job = part(fields, "job")
    return JobState(
        key=str(job["key"]),
        delivery=str(part(fields, "delivery")["key"]),
        document=_int(job["document"]),
        name=str(job["name"]),
        type=str(job["type"]),
        state="planned",
        valid_until=str(job.get("valid_until", "")),
        planned_at=str(fields["at"]),
        changed_at=str(fields["at"]),
        seq=_int(fields["seq"]),
        body_digest=str(part(fields, "request").get("digest", "")),
    )


def _int(value: object) -> int:
    return int(cast("int", value))
