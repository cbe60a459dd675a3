"""How a rollout stands, for replies, tables and result files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handler.values.canonical_json import shown, timestamp

if TYPE_CHECKING:
    from handler.audit.rollouts.state import NodeCounts, RolloutState
    from handler.rollouts.waiting import Waiting
    from handler.values.canonical_json import Json


class Standing(NamedTuple):
    """How a rollout stands: its state, how many nodes are in which state, what it waits for."""

    rollout: RolloutState
    counts: NodeCounts
    waiting: Waiting


def standing_json(standing: Standing) -> dict[str, Json]:
    """Return a standing as replies and result files show it."""
    rollout, counts, waiting = standing
    until = {"until": timestamp(waiting.until)[:19] + "Z"} if waiting.until else {}
    waits: dict[str, Json] = {"for": waiting.word, **until}
    return {
        "name": rollout.name,
        "rollout": shown(rollout.key),
        "state": rollout.state,
        "wave": rollout.wave,
        "waves": len(rollout.wave_ends),
        "nodes": {"total": rollout.nodes, **counts._asdict()},
        **({} if rollout.ended else {"waits": waits}),
        **({"note": rollout.note} if rollout.note else {}),
        "document": rollout.document,
    }
