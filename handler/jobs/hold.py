"""Hold and release: while a hold is active, every claim is deferred.

A person holds sending, the circuit breaker does, and the reconciler where the log has lost its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from handler.audit.checkpoints.checkpoint import Checkpoint
    from handler.audit.log import Decide, View
    from handler.audit.record import Part

BY_HAND = "by hand"
"""The reason of whoever gives none."""


def hold(reason: str = "", *, actor: Part) -> Decide[str]:
    """Decide to hold all sending; answers the reason it was held for before, "" if it was not.

    Another reason is recorded, too, and from then on is the one that counts.

    Args:
        reason: Why; "" is by hand, and changes nothing where sending is held already.
        actor: Who holds it.
    """

    def decide(view: View) -> Decision[str]:
        before = view.switch("hold")
        if before and reason in {"", before}:
            return Decision(before)
        note = reason or BY_HAND
        return Decision(before, (Draft("sending.held", "success", actor=actor, note=note),))

    return decide


def hold_cut_off(ahead: Checkpoint) -> Decide[str]:
    """Decide to hold all sending because the log has lost its end; answers what to do, or "".

    What the lost records planned may be on the fleet, and nothing here knows it: a file that is
    found in the bucket again would be run a second time. Once it is on record, a checkpoint from
    before is no reason again, so that a release counts.

    Args:
        ahead: A checkpoint of the log, of a later record than its last one.
    """

    def decide(view: View) -> Decision[str]:
        size, at = ahead.head.seq, timestamp(ahead.at)
        if view.head.seq >= size or view.cut_off >= at:
            return Decision("")
        note = (
            f"the log has {view.head.seq} records, and had {size} by its checkpoint of "
            f"{at[:19]}Z: put back a copy that has them, or compare `nightdrop jobs list` with the "
            "jobs at IEF; then `nightdrop release`"
        )
        part: Part = {"size": size, "head": ahead.head.hash, "name": ahead.name}
        actor = {"kind": "reconciler"}
        return Decision(
            note, (Draft("sending.held", "failure", actor=actor, checkpoint=part, note=note),)
        )

    return decide


def release(*, actor: Part) -> Decide[tuple[str, ...]]:
    """Decide to lift a hold and a suspension of settling; answers the reasons they were on for."""

    def decide(view: View) -> Decision[tuple[str, ...]]:
        lifted = {
            action: reason
            for action, reason in (
                ("sending.released", view.switch("hold")),
                ("settling.released", view.switch("suspension")),
            )
            if reason
        }
        drafts = tuple(Draft(action=action, outcome="success", actor=actor) for action in lifted)
        return Decision(tuple(lifted.values()), drafts)

    return decide
