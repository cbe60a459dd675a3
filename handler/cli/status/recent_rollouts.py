"""The rollouts of an overview: those that are open or ended lately, and why nodes failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handler.rollouts.advance import rollout_standing
from handler.rollouts.standing import standing_json
from handler.values.canonical_json import timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from handler.audit.log import View
    from handler.rollouts.advance import JobTimes
    from handler.rollouts.standing import Standing

_MOST, _MOST_REASONS = 200, 3


class RecentRollout(NamedTuple):
    """How a rollout stands, and why most of its failed nodes did: a reason, how many."""

    standing: Standing
    reasons: tuple[tuple[str, int], ...]

    @property
    def is_well(self) -> bool:
        """Whether no person need look at it: the gate decides while it goes on."""
        rollout = self.standing.rollout
        has_failed = rollout.ended and self.standing.counts.failed
        return rollout.state not in {"paused", "stopped"} and not has_failed

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        failures = [{"reason": reason, "nodes": nodes} for reason, nodes in self.reasons]
        return {**standing_json(self.standing), "failures": failures}


def recent_rollouts(view: View, times: JobTimes, within: timedelta) -> Iterator[RecentRollout]:
    """Yield the rollouts that have not ended, then those whose end is not longer ago."""
    since = timestamp(view.now - within)
    for rollout in view.rollouts.latest(_MOST):
        if not rollout.ended or rollout.changed_at > since:
            reasons = view.rollouts.reasons(rollout.key, "failed", _MOST_REASONS)
            yield RecentRollout(rollout_standing(view, rollout, times), reasons)
