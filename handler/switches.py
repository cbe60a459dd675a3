"""A hand on the brake: while sending is held, every claim is deferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft

if TYPE_CHECKING:
    from handler.audit.log import Decide, View
    from handler.audit.record import Part


def hold(reason: str, *, actor: Part) -> Decide[bool]:
    """Decide to hold all sending; False if it is held already."""

    def decide(view: View) -> Decision[bool]:
        if view.switch("hold"):
            return Decision(value=False)
        held = Draft(action="sending.held", outcome="success", actor=actor, note=reason)
        return Decision(True, (held,))  # noqa: FBT003 - the decision's value

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
