"""How far each wave of a rollout is, and why nodes failed or were skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.rollouts.waiting import wave_places
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.log import View
    from handler.audit.rollouts.state import NodeCounts, NodeWord, RolloutState

_MOST_READ = 10_000


class WaveProgress(NamedTuple):
    """One wave: its number, how many nodes it has, and how many of them are in which state."""

    number: int
    nodes: int
    counts: NodeCounts


class NodeReason(NamedTuple):
    """Why nodes failed or were skipped: how many, and the names of the first of them."""

    reason: str
    nodes: int
    names: tuple[str, ...]


def wave_progress(view: View, rollout: RolloutState) -> Iterator[WaveProgress]:
    """Yield how far each wave is, also those that were not started."""
    for number in range(1, len(rollout.wave_ends) + 1):
        first, last = wave_places(rollout, number)
        nodes = last - first + 1
        counts = view.rollouts.counts(rollout.key, first, last)
        # The rows of those that succeeded before the rollout ended are gone.
        rest = counts.pending + counts.running + counts.failed + counts.skipped
        yield WaveProgress(number, nodes, counts._replace(succeeded=nodes - rest))


def node_reasons(
    view: View, key: str, state: NodeWord, *, most: int, named: int
) -> Iterator[NodeReason]:
    """Yield why nodes of a rollout are in a state, the reason of the most nodes first.

    Args:
        view: The state of the log.
        key: The rollout's key.
        state: `failed` or `skipped`.
        most: How many reasons at most.
        named: How many nodes are named for each at most.
    """
    names: dict[str, list[str]] = {}
    for node in view.rollouts.nodes_in_state(key, state, _MOST_READ):
        names.setdefault(node.note, []).append(node.name or node.node_id)
    for reason, nodes in view.rollouts.reasons(key, state, most):
        yield NodeReason(reason, nodes, tuple(names.get(reason, ())[:named]))
