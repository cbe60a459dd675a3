"""Operations on a rollout, asked for by a person: pause, resume, approve, stop, retry.

a rollout that        pause     resume    approve   stop      retry
is planned, running   done      so        done      done      refused
is paused             so        done      done      done      done: its failed nodes, at once
is stopped            refused   refused   refused   so        refused
has finished          refused   refused   refused   refused   done, if nodes failed

A request that says when it was asked for, and that could be done twice, is refused if the rollout
has changed since: it may be a copy that comes late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.audit.log import Decision
from handler.audit.rollouts.state import totals
from handler.jobs.gate import gate_note
from handler.jobs.operations import OperationResult, changed_since
from handler.rollouts.advance import known_rollout
from handler.rollouts.records import about_rollout, about_wave, counted, stopped
from handler.rollouts.waiting import settings_of
from handler.values.display import quantity
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from handler.audit.log import Decide, View
    from handler.audit.record import Draft, Part
    from handler.audit.rollouts.state import RolloutState

RolloutOperation: TypeAlias = Literal["pause", "resume", "approve", "stop", "retry"]

_MOST_ROUNDS = 1_000_000
_ALL_ROUNDS = {"place": 1, "round": _MOST_ROUNDS}


class RolloutRequest(NamedTuple):
    """What a person asks of a rollout.

    Attributes:
        operation: What.
        actor: Who asks.
        reason: Why, for the record; "" if nobody said.
        wave: The wave that is approved; 0 is the one that awaits it.
        asked_at: When it was asked for, aware; None if nobody said.
    """

    operation: RolloutOperation
    actor: Part
    reason: str = ""
    wave: int = 0
    asked_at: datetime | None = None

    @property
    def happens_once(self) -> bool:
        """Whether it cannot be done twice: a stop, or the approval of a wave by its number."""
        return self.operation == "stop" or (self.operation == "approve" and self.wave > 0)


def operate(key: str, request: RolloutRequest) -> Decide[OperationResult]:
    """Decide what a request changes of a rollout, and answer that."""

    def decide(view: View) -> Decision[OperationResult]:
        rollout = known_rollout(view, key)
        drafts, result = _OPERATIONS[request.operation](view, rollout, request)
        if drafts and not request.happens_once:
            changed = changed_since(request.asked_at, rollout.changed_at, view.now)
            drafts, result = _refused(rollout, f"it {changed}") if changed else (drafts, result)
        return Decision(result, tuple(one._replace(actor=request.actor) for one in drafts))

    return decide


_Answer: TypeAlias = "tuple[tuple[Draft, ...], OperationResult]"


def _pause(_view: View, rollout: RolloutState, request: RolloutRequest) -> _Answer:
    if rollout.state == "paused":
        return (), OperationResult("so", f"rollout {rollout.name} is paused already")
    if rollout.ended:
        return _refused(rollout, "it has ended")
    draft = about_rollout(rollout)._replace(action="rollout.paused", note=request.reason)
    return (draft,), OperationResult("done", f"rollout {rollout.name} is paused")


def _resume(view: View, rollout: RolloutState, request: RolloutRequest) -> _Answer:
    if rollout.ended:
        return _refused(rollout, "it has ended")
    if rollout.state != "paused":
        return (), OperationResult("so", f"rollout {rollout.name} is not paused")
    gate = "" if rollout.breached else gate_note(view, rollout)
    if gate:
        return _refused(rollout, f"{gate}; resume it again once the reconciler has recorded that")
    draft = about_rollout(rollout)._replace(action="rollout.resumed", note=request.reason)
    excused = counted(draft, totals(view.rollouts, rollout))
    return (excused,), OperationResult("done", f"rollout {rollout.name} goes on")


def _approve(_view: View, rollout: RolloutState, request: RolloutRequest) -> _Answer:
    if rollout.ended:
        return _refused(rollout, "it has ended")
    done = max(rollout.wave, rollout.approved)
    to_approve = [one for one in settings_of(rollout).approve_before if one > done]
    # Without a number it is the wave that waits: a request that arrives twice approves one wave.
    wave = request.wave or (rollout.awaited if rollout.awaited > done else 0)
    if wave and wave <= rollout.approved:
        return (), OperationResult("so", f"wave {wave} of {rollout.name} is approved already")
    if wave > len(rollout.wave_ends):
        return _refused(rollout, f"it has {quantity(len(rollout.wave_ends), 'wave')}")
    if wave not in to_approve:
        return _refused(rollout, f"no approval of wave {wave} is needed" if wave else _NO_WAVE)
    if wave != to_approve[0]:
        return _refused(rollout, f"approve wave {to_approve[0]} first")
    draft = about_wave(rollout, "wave.approved", wave)._replace(note=request.reason)
    return (draft,), OperationResult("done", f"wave {wave} of rollout {rollout.name} may start")


def _stop(view: View, rollout: RolloutState, request: RolloutRequest) -> _Answer:
    if rollout.state == "stopped":
        return (), OperationResult("so", f"rollout {rollout.name} is stopped already")
    if rollout.ended:
        return _refused(rollout, "it has finished")
    drafts = stopped(view, rollout, request.reason, "success")
    return drafts, OperationResult("done", f"rollout {rollout.name} is stopped")


def _retry(view: View, rollout: RolloutState, request: RolloutRequest) -> _Answer:
    if rollout.state not in {"paused", "finished"}:
        return _refused(rollout, "only one that is paused or has finished is retried")
    counts = totals(view.rollouts, rollout)
    if not counts.failed:
        return _refused(rollout, "none of its nodes failed")
    after = counts._replace(failed=0)
    action = "rollout.retried" if rollout.ended else "wave.retried"
    draft = counted(about_rollout(rollout)._replace(action=action, note=request.reason), after)
    again = draft._replace(rollout={**draft.rollout, **_ALL_ROUNDS, "selected": counts.failed})
    resumed = counted(about_rollout(rollout)._replace(action="rollout.resumed"), after)
    drafts = (again,) if rollout.ended else (again, resumed)
    nodes = quantity(counts.failed, "node")
    return drafts, OperationResult("done", f"{nodes} of rollout {rollout.name} are tried again")


_NO_WAVE = "none of its waves awaits an approval; one that does not yet is approved by its number"


def _refused(rollout: RolloutState, why: str) -> _Answer:
    return (), OperationResult("not done", f"rollout {rollout.name} is {rollout.state}: {why}")


_OPERATIONS: Mapping[str, Callable[[View, RolloutState, RolloutRequest], _Answer]] = {
    "pause": _pause,
    "resume": _resume,
    "approve": _approve,
    "stop": _stop,
    "retry": _retry,
}
