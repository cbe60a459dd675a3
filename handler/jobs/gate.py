"""The gate of a rollout: whether too many of its nodes failed, and whether its jobs are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.schedule.rollout_settings import RolloutSettings
from handler.schedule.waves import breached
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from handler.audit.log import View
    from handler.audit.rollouts.state import RolloutState

ROLLOUT_STOPPED = "its rollout was stopped before it was sent"
"""The note of a job that is never sent for this."""


class Withheld(NamedTuple):
    """Why a job of a rollout is not sent, and whether it never will be."""

    reason: str
    is_final: bool = False


def withheld(view: View, key: str) -> Withheld | None:
    """Return why jobs of a rollout are not sent now; None if they are.

    The gate counts from the record that closes it, before the rollout itself is paused.
    """
    rollout = view.rollouts.get(key)
    if rollout is None:
        return None
    if rollout.ended:
        return Withheld(ROLLOUT_STOPPED, is_final=True)
    if rollout.state == "paused":
        return Withheld("its rollout is paused")
    return Withheld("too many nodes of its rollout failed") if gate_note(view, rollout) else None


def gate_note(view: View, rollout: RolloutState) -> str:
    """Return that more nodes of a rollout failed than its settings allow; "" if they did not."""
    settings = RolloutSettings.from_json(rollout.settings)
    if not settings.max_failed:
        return ""
    counts = view.rollouts.judged(rollout.key)
    failed, ended = counts.failed, counts.finished
    if not breached(failed, ended, settings):
        return ""
    return f"{failed} of {ended} nodes failed, more than max_failed: {settings.max_failed} allows"
