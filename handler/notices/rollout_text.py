"""What notices say of rollouts: which one, how far, the first reasons, and the command to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.rollouts.state import totals
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.audit.log import View
    from handler.audit.rollouts.state import RolloutState

_MOST_REASONS = 3
_MOST_LATEST = 200

_TO_DO = {
    "paused": "`nightdrop rollout resume {name}` goes on, `… retry {name}` tries the failed nodes "
    "again first, `… stop {name}` ends it",
    "awaiting": "`nightdrop rollout approve {name}` lets the next wave start",
    "finished": "look at the nodes that failed; `nightdrop rollout retry {name}` tries them again",
    "stopped": "correct the cause, then deliver the spec again",
}


class RolloutText(NamedTuple):
    """What is said of one rollout.

    Attributes:
        headline: How it stands, after its name.
        sentences: How many nodes, and why they failed.
        to_do: What to do; "" for one that goes on by itself.
        name: Its name.
    """

    headline: str
    sentences: tuple[str, ...]
    to_do: str
    name: str


def rollout_texts(view: View, delivery: str) -> tuple[RolloutText, ...]:
    """Return what is said of a delivery's rollouts: of those that need a person, else of all."""
    texts = [_text(view, one) for one in view.rollouts.of_delivery(delivery)]
    return tuple([one for one in texts if one.to_do] or texts)


def latest_rollouts(view: View, since: str) -> Iterator[str]:
    """Yield a line for each rollout that is open or whose state changed after a timestamp."""
    for rollout in view.rollouts.latest(_MOST_LATEST):
        if not rollout.ended or rollout.changed_at > since:
            yield f"{rollout.name} {_headline(rollout)}: {_counted(view, rollout)}"


def _text(view: View, rollout: RolloutState) -> RolloutText:
    reasons = tuple(_reasons(view, rollout))
    stands = "awaiting" if _awaits(rollout) else rollout.state
    is_fine = rollout.state == "finished" and not reasons
    return RolloutText(
        headline=_headline(rollout),
        sentences=(*filter(None, [rollout.note]), _counted(view, rollout), *reasons),
        to_do="" if is_fine else _TO_DO.get(stands, "").format(name=rollout.name),
        name=rollout.name,
    )


def _headline(rollout: RolloutState) -> str:
    if rollout.state == "finished":
        return "has finished"
    state = "awaits approval" if _awaits(rollout) else f"is {rollout.state}"
    return f"{state} in wave {rollout.wave} of {len(rollout.wave_ends)}"


def _awaits(rollout: RolloutState) -> bool:
    due = rollout.awaited > max(rollout.approved, rollout.wave)
    return due and rollout.state in {"planned", "running"}


def _counted(view: View, rollout: RolloutState) -> str:
    counts = totals(view.rollouts, rollout)
    ended = f"{counts.succeeded} of {rollout.nodes} nodes succeeded, {counts.failed} failed"
    return f"{ended}, {counts.skipped} were skipped" if counts.skipped else ended


def _reasons(view: View, rollout: RolloutState) -> Sequence[str]:
    reasons = view.rollouts.reasons(rollout.key, "failed", _MOST_REASONS)
    return [f"{nodes} failed: {why or 'no reason is known'}" for why, nodes in reasons]
