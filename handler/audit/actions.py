"""Every action of the log: what it changes, whether a person must look, which call it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Changed: TypeAlias = Literal[
    "", "delivery", "job", "rollout", "result", "notice", "hold", "suspension", "scan",
    "checkpoint", "state",
]  # fmt: skip


class Call(NamedTuple):
    """The call that a record is about: OCSF's activity, operation, service.

    OCSF's activities are 1 create, 2 read, 3 update, 4 delete.
    """

    activity: int
    operation: str
    service: str


class Action(NamedTuple):
    """What a record with an action means.

    Attributes:
        changes: What of the state it changes; "" for nothing.
        state: The state that it leads a delivery to; "" for all others.
        attention: Whether a person must look at it.
        call: The call it is about; None if it is of Nightdrop itself.
    """

    changes: Changed = ""
    state: str = ""
    attention: bool = False
    call: Call | None = None


_CREATE = Call(1, "CreateBatchJob", "ief")
_LIST = Call(2, "ListBatchJob", "ief")
_SHOW = Call(2, "ShowBatchJob", "ief")
_PAUSE = Call(3, "StopBatchJob", "ief")
_RESUME = Call(3, "RestoreBatchJob", "ief")
_RETRY = Call(3, "RetryBatchJob", "ief")
_DELETE = Call(4, "DeleteBatchJob", "ief")
_PUT = Call(1, "PutObject", "obs")

ACTIONS: Mapping[str, Action] = {
    "function.started": Action(),
    "event.rejected": Action("delivery", "rejected", attention=True),
    "delivery.received": Action("delivery", "received"),
    "delivery.interrupted": Action("delivery", "received"),
    "delivery.awaiting": Action("delivery", "awaiting", attention=True),
    "delivery.approved": Action("delivery", "received"),
    "delivery.planned": Action("delivery", "planned"),
    "delivery.repeated": Action("delivery", "repeated"),
    "delivery.ignored": Action("delivery", "ignored"),
    "delivery.rejected": Action("delivery", "rejected", attention=True),
    "spec.rejected": Action("delivery", "rejected", attention=True),
    "job.planned": Action("job"),
    "job.sending": Action("job", call=_CREATE),
    "job.created": Action("job", call=_CREATE),
    "job.refused": Action("job", attention=True, call=_CREATE),
    "job.deferred": Action("job", call=_CREATE),
    "job.unknown": Action("job", call=_CREATE),
    "job.adopted": Action("job", call=_LIST),
    "job.absent": Action("job", call=_LIST),
    "job.doubted": Action("job", attention=True),
    "job.duplicated": Action("job", attention=True),
    "job.expired": Action("job", attention=True),
    "job.abandoned": Action("job"),
    "job.finished": Action("job", call=_SHOW),
    "job.pausing": Action("job", call=_PAUSE),
    "job.paused": Action("job", call=_PAUSE),
    "job.resuming": Action("job", call=_RESUME),
    "job.resumed": Action("job", call=_RESUME),
    "job.retrying": Action("job", call=_RETRY),
    "job.retried": Action("job", call=_RETRY),
    "job.deleting": Action("job", call=_DELETE),
    "job.deleted": Action("job", call=_DELETE),
    "job.unchanged": Action("job"),
    "rollout.planned": Action("rollout"),
    "rollout.selected": Action("rollout"),
    "rollout.skipped": Action("rollout"),
    "rollout.joined": Action("rollout"),
    "wave.awaiting": Action("rollout", attention=True),
    "wave.approved": Action("rollout"),
    "wave.started": Action("rollout"),
    "wave.retried": Action("rollout"),
    "wave.finished": Action("rollout"),
    "node.failed": Action("rollout"),
    "node.succeeded": Action("rollout"),
    "node.skipped": Action("rollout"),
    "rollout.breached": Action("rollout", attention=True),
    "rollout.paused": Action("rollout"),
    "rollout.resumed": Action("rollout"),
    "rollout.retried": Action("rollout"),
    "rollout.stopped": Action("rollout"),
    "rollout.finished": Action("rollout"),
    "result.writing": Action("result", call=_PUT),
    "result.written": Action("result", call=_PUT),
    "result.failed": Action("result", attention=True, call=_PUT),
    "notice.sending": Action("notice"),
    "notice.sent": Action("notice"),
    "notice.deferred": Action("notice"),
    "notice.failed": Action("notice", attention=True),
    "sending.held": Action("hold"),
    "sending.released": Action("hold"),
    "settling.suspended": Action("suspension", attention=True),
    "settling.released": Action("suspension"),
    "scan.paused": Action("scan", attention=True),
    "scan.completed": Action("scan"),
    "scan.limited": Action("scan", attention=True),
    "state.contradicted": Action("state", attention=True),
    "state.forgotten": Action("state"),
    "deployment.examined": Action(),
    "log.rebuilt": Action("state"),
    "log.rolled": Action(),
    "log.checkpointed": Action("checkpoint"),
    "log.checkpoint_failed": Action("checkpoint", attention=True),
}
"""The actions, in the order of a job's story; a log may hold others, of later versions."""

FORGOTTEN = "state.forgotten"
"""The action. The record's `request.date` is the moment that it forgets up to, a timestamp."""

ATTENTION = frozenset(name for name, action in ACTIONS.items() if action.attention)
"""Records that a person must look at; beside them jobs that ended on the fleet other than well, a
hold by the circuit breaker, and plans and ignored deliveries whose object is not the one named in
the event."""

DELIVERY_ACTIONS = {
    name: action.state for name, action in ACTIONS.items() if action.changes == "delivery"
}
"""The actions that move a delivery, and the state each leads to."""


_BY_OUTCOME = frozenset({"job.finished", "sending.held", "rollout.stopped", "rollout.finished"})
"""Records that a person must look at if their outcome is a failure: sending is held by the circuit
breaker then, not by a person, and a rollout stopped by its gate."""


_BY_GATE = frozenset({"job.finished", "job.refused", "job.expired"})
"""Records whose failure the gate judges if the job is of a rollout: no person looks at each."""


def needs_attention(fields: Mapping[str, object]) -> bool:
    """Return whether a person must look at a record, by its fields."""
    action, source = fields["action"], fields.get("source")
    if action in _BY_GATE and "rollout" in fields:
        return False
    if action in _BY_OUTCOME:
        return fields["outcome"] == "failure"
    if action in {"delivery.planned", "delivery.ignored"}:
        # Whoever the event names need not be who wrote what is run.
        return isinstance(source, dict) and "read_differs" in source
    return action in ATTENTION
