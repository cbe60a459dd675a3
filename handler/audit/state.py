"""The state of a delivery, folded one record at a time; that of a job is in `job_state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from handler.audit.actions import DELIVERY_ACTIONS, needs_attention
from handler.audit.record import integer, part, rule_id
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from handler.audit.job_state import JobState
    from handler.audit.log import Notices
    from handler.audit.record import Fields

DeliveryWord: TypeAlias = Literal[
    "received", "awaiting", "planned", "repeated", "rejected", "ignored"
]  # fmt: skip

SUMMARY = "summary"
"""`request.operation` of a notice that is the summary of a night."""

_REMEMBERED = 100
"""How many notices the state remembers."""

ROLLOUT_ENDS = ("rollout.stopped", "rollout.finished")
"""The actions after which nothing more is planned for a rollout, unless it is retried."""

UNDECIDED: frozenset[DeliveryWord] = frozenset({"received", "awaiting"})
"""States of a delivery that is still to be planned or refused."""


class DeliveryState(NamedTuple):
    """One delivery as its records leave it.

    Attributes:
        key: The delivery's key.
        trigger: What fired: `timer`, `object` or `direct`.
        subject: What it is a run of, such as `obs://bucket/key`.
        state: Where it stands.
        fired_at: When it fired, a timestamp, or "".
        digest: SHA-256 of the spec's bytes, once they were read.
        note: What a person should know, such as why it was rejected.
        touched_at: When its own latest record was written, a timestamp; those that it waits, or
            starts over, do not count.
        seq: The number of that record; of two deliveries the later one has the larger.
        changed: The number of the latest record about it or one of its jobs.
        reported: What `changed` was when its result file was last written; 0 for never.
        tries: How many attempts to write its result file have started since it was last written.
        due_at: Before this its result file is not tried again, a timestamp; "" is at once.
        result_error: Why its result file could not be written, as it was recorded; "" if it was.
        etag: The entity tag of the object that was read, or "".
        repeats: The key of the run that it repeats, or that it was run again after; or "".
        body_digest: SHA-256 of what it is started over from, as recorded; "" if it was not.
        rule: The rule of the policy that decided about it, as `rule_id` names it; "" for none.
        awaits_until: Until when it may be approved, a timestamp; "" if no rule asked for that.
        approved: SHA-256 of the spec that was approved, or "".
        alarmed: The number of the latest record about it or its jobs that a person must look at.
        noticed: What `alarmed` was when a notice about it was last claimed; 0 if that did not go.
        notice_tries: How many notices were claimed since one was last sent or given up.
        notice_due: Before this no notice is claimed, a timestamp; "" if none is open or waits.
        asked: How many jobs it asked for, all those of its rollouts included.
        rollouts: How many rollouts it planned.
        rollouts_open: How many of them have not ended.
        first_seq: The number of its first record.
        last_seq: The number of the latest record that names it.
        jobs: Its jobs, in the order of the file.
    """

    key: str
    trigger: str
    subject: str
    state: DeliveryWord
    fired_at: str = ""
    digest: str = ""
    note: str = ""
    touched_at: str = ""
    seq: int = 0
    changed: int = 0
    reported: int = 0
    tries: int = 0
    due_at: str = ""
    result_error: str = ""
    etag: str = ""
    repeats: str = ""
    body_digest: str = ""
    rule: str = ""
    awaits_until: str = ""
    approved: str = ""
    alarmed: int = 0
    noticed: int = 0
    notice_tries: int = 0
    notice_due: str = ""
    asked: int = 0
    rollouts: int = 0
    rollouts_open: int = 0
    first_seq: int = 0
    last_seq: int = 0
    jobs: tuple[JobState, ...] = ()

    @property
    def final(self) -> bool:
        """Whether nothing of it is left to do."""
        if self.state != "planned":
            return self.state not in UNDECIDED
        return not self.rollouts_open and all(job.final for job in self.jobs)

    @property
    def left_nothing(self) -> bool:
        """Whether it certainly left nothing on the fleet and was not abandoned by hand.

        Jobs that expired stay expired, but for a spec that is handed over directly: last night's
        upgrade does not run at noon, however late a copy of its event is. An object that expired or
        was rejected is uploaded again, which fires an event of its own. A rollout goes on with its
        other nodes, and tries refused ones again itself.
        """
        if self.state == "rejected":
            return self.trigger != "object"
        if self.rollouts_open:
            return False
        free = {"refused", "expired"} if self.trigger == "direct" else {"refused"}
        return bool(self.jobs) and not self.rollouts and all(one.state in free for one in self.jobs)


def fold_delivery(delivery: DeliveryState | None, fields: Fields) -> DeliveryState | None:
    """Return a delivery's state after one more record about it or one of its jobs.

    A delivery that is already decided keeps its state: what arrives again only moves `last_seq`.
    """
    action, said, seq = str(fields["action"]), part(fields, "delivery"), integer(fields["seq"])
    if delivery:
        delivery = delivery._replace(last_seq=seq)
    if delivery and (fold := _FOLDS.get(action.partition(".")[0])):
        return fold(delivery, fields)
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
    return before._replace(
        state=cast("DeliveryWord", DELIVERY_ACTIONS[action]),
        digest=str(said.get("digest", before.digest)),
        etag=str(part(fields, "source").get("read_etag", "")),
        repeats=str(said.get("repeats", before.repeats)),
        rule=rule_id(said),
        asked=integer(said.get("jobs", 0)),
        awaits_until=str(part(fields, "request").get("lease_until", before.awaits_until)),
        approved=str(said["digest"]) if action == "delivery.approved" else before.approved,
        note=str(fields.get("note", "")),
        touched_at=_touched(before, action) or str(fields["at"]),
        seq=seq,
        changed=seq,
        alarmed=seq if needs_attention(fields) else before.alarmed,
    )


_WAITS = frozenset({"delivery.received", "delivery.interrupted"})


def _touched(before: DeliveryState, action: str) -> str:
    """Return since when a delivery that could not be planned yet is waiting; "" for any other."""
    return before.touched_at if action in _WAITS else ""


def _fold_part(delivery: DeliveryState, fields: Fields) -> DeliveryState:
    """Return a delivery's state after one more record about a job or a rollout of it."""
    seq, action = integer(fields["seq"]), str(fields["action"])
    alarmed = seq if needs_attention(fields) else delivery.alarmed
    if not action.startswith("rollout."):
        return delivery._replace(changed=seq, alarmed=alarmed)
    asked = delivery.asked + (_jobs_of(fields) if action == "rollout.planned" else 0)
    opened = {"rollout.planned": 1, "rollout.retried": 1, **dict.fromkeys(ROLLOUT_ENDS, -1)}
    return delivery._replace(
        changed=seq,
        asked=asked,
        rollouts=delivery.rollouts + (action == "rollout.planned"),
        rollouts_open=delivery.rollouts_open + opened.get(action, 0),
        alarmed=alarmed,
    )


def _jobs_of(planned: Fields) -> int:
    """Return how many jobs a rollout is, if none of its nodes is tried again."""
    # Loaded where it is needed: most deliveries have no rollout.
    from handler.schedule.rollout_settings import RolloutSettings
    from handler.schedule.waves import job_count

    said = part(planned, "rollout")
    nodes = integer(str(said["waves"]).split()[-1])
    return job_count(nodes, RolloutSettings.from_json(str(said["settings"])))


def _fold_result(delivery: DeliveryState, fields: Fields) -> DeliveryState:
    """Return a delivery's state after one more record about its result file.

    `result.failed` that says what it shows has given the file up: it counts as written.
    """
    said, action = part(fields, "delivery"), str(fields["action"])
    if action == "result.writing":
        due_at = str(part(fields, "request")["lease_until"])
        return delivery._replace(tries=delivery.tries + 1, due_at=due_at)
    if action == "result.failed" and "shows" not in said:
        due_at = str(part(fields, "request").get("lease_until", delivery.due_at))
        return delivery._replace(result_error=str(fields.get("note", "")), due_at=due_at)
    shown = integer(said.get("shows", delivery.changed))
    return delivery._replace(reported=shown, tries=0, due_at="", result_error="")


def _fold_notice(delivery: DeliveryState, fields: Fields) -> DeliveryState:
    """Return a delivery's state after one more record about a notice of it.

    An answer changes nothing if another notice was claimed since the one that it is about.
    """
    action, request = str(fields["action"]), part(fields, "request")
    shows = integer(part(fields, "delivery")["shows"])
    due = str(request.get("lease_until", ""))
    if action == "notice.sending":
        tries = delivery.notice_tries + 1
        return delivery._replace(noticed=shows, notice_tries=tries, notice_due=due)
    if delivery.noticed != shows:
        return delivery
    if action == "notice.deferred":
        return delivery._replace(noticed=0, notice_due=due)
    return delivery._replace(notice_tries=0, notice_due="")


_FOLDS = {
    "result": _fold_result,
    "notice": _fold_notice,
    **dict.fromkeys(("job", "rollout", "wave", "node"), _fold_part),
}
"""The folds of the records that do not decide a delivery, by the first word of their action."""


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
