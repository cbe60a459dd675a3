"""Every action of the log: the state it leads to, whether a person must look, which call it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Call(NamedTuple):
    """The call that a record is about: OCSF's activity, operation, service.

    OCSF's activities are 1 create, 2 read, 3 update, 4 delete.
    """

    activity: int
    operation: str
    service: str


class Meaning(NamedTuple):
    """What a record with an action means.

    Attributes:
        state: The state that it leads a delivery to; "" for all others.
        attention: Whether a person must look at it.
        call: The call it is about; None if it is of Nightdrop itself.
    """

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

ACTIONS: Mapping[str, Meaning] = {
    "function.started": Meaning(),
    "event.rejected": Meaning("rejected", attention=True),
    "delivery.received": Meaning("received"),
    "delivery.interrupted": Meaning("received"),
    "delivery.awaiting": Meaning("awaiting", attention=True),
    "delivery.approved": Meaning("received"),
    "delivery.planned": Meaning("planned"),
    "delivery.repeated": Meaning("repeated"),
    "delivery.ignored": Meaning("ignored"),
    "delivery.rejected": Meaning("rejected", attention=True),
    "spec.rejected": Meaning("rejected", attention=True),
    "job.planned": Meaning(),
    "job.sending": Meaning(call=_CREATE),
    "job.created": Meaning(call=_CREATE),
    "job.refused": Meaning(attention=True, call=_CREATE),
    "job.deferred": Meaning(call=_CREATE),
    "job.unknown": Meaning(call=_CREATE),
    "job.adopted": Meaning(call=_LIST),
    "job.absent": Meaning(call=_LIST),
    "job.doubted": Meaning(attention=True),
    "job.duplicated": Meaning(attention=True),
    "job.expired": Meaning(attention=True),
    "job.abandoned": Meaning(),
    "job.finished": Meaning(call=_SHOW),
    "job.pausing": Meaning(call=_PAUSE),
    "job.paused": Meaning(call=_PAUSE),
    "job.resuming": Meaning(call=_RESUME),
    "job.resumed": Meaning(call=_RESUME),
    "job.retrying": Meaning(call=_RETRY),
    "job.retried": Meaning(call=_RETRY),
    "job.deleting": Meaning(call=_DELETE),
    "job.deleted": Meaning(call=_DELETE),
    "job.unchanged": Meaning(),
    "rollout.planned": Meaning(),
    "rollout.selected": Meaning(),
    "rollout.skipped": Meaning(),
    "rollout.joined": Meaning(),
    "wave.awaiting": Meaning(attention=True),
    "wave.approved": Meaning(),
    "wave.started": Meaning(),
    "wave.retried": Meaning(),
    "wave.finished": Meaning(),
    "node.failed": Meaning(),
    "node.succeeded": Meaning(),
    "node.skipped": Meaning(),
    "rollout.breached": Meaning(attention=True),
    "rollout.paused": Meaning(),
    "rollout.resumed": Meaning(),
    "rollout.retried": Meaning(),
    "rollout.stopped": Meaning(),
    "rollout.finished": Meaning(),
    "result.writing": Meaning(call=_PUT),
    "result.written": Meaning(call=_PUT),
    "result.failed": Meaning(attention=True, call=_PUT),
    "notice.sending": Meaning(),
    "notice.sent": Meaning(),
    "notice.deferred": Meaning(),
    "notice.failed": Meaning(attention=True),
    "sending.held": Meaning(),
    "sending.released": Meaning(),
    "settling.suspended": Meaning(attention=True),
    "settling.released": Meaning(),
    "scan.paused": Meaning(attention=True),
    "scan.completed": Meaning(),
    "scan.limited": Meaning(attention=True),
    "state.contradicted": Meaning(attention=True),
    "state.forgotten": Meaning(),
    "deployment.examined": Meaning(),
    "log.rebuilt": Meaning(),
    "log.rolled": Meaning(),
    "log.checkpointed": Meaning(),
    "log.checkpoint_failed": Meaning(attention=True),
}
"""The actions, in the order of a job's story; a log may hold others, of later versions."""

FORGOTTEN = "state.forgotten"
"""The action. The record's `request.date` is the moment that it forgets up to, a timestamp."""

ATTENTION = frozenset(name for name, action in ACTIONS.items() if action.attention)
"""Records that a person must look at; beside them jobs that ended on the fleet other than well, a
hold by anyone but a person, and plans and ignored deliveries whose object is not the one named in
the event."""

DELIVERY_ACTIONS = {name: action.state for name, action in ACTIONS.items() if action.state}
"""The actions that move a delivery, and the state each leads to."""


_BY_OUTCOME = frozenset({"job.finished", "sending.held", "rollout.stopped", "rollout.finished"})
"""Records that a person must look at if their outcome is a failure: no person holds sending then,
but the circuit breaker or the reconciler, and a rollout was stopped by its gate."""


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
