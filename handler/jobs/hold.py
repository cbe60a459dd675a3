"""Hold and release: while a hold is active, every claim is deferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft

if TYPE_CHECKING:
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
