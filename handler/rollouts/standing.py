"""How a rollout stands, for replies, tables and result files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.runtime.response import WORST_LAST
from handler.values.canonical_json import short_key, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.rollouts.state import NodeCounts, RolloutState
    from handler.rollouts.waiting import Waiting
    from handler.runtime.response import Result
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
    text = {"text": waiting.text} if waiting.text else {}
    waits: dict[str, Json] = {"for": waiting.word, **text, **until}
    return {
        "name": rollout.name,
        "rollout": short_key(rollout.key),
        "state": rollout.state,
        "wave": rollout.wave,
        "waves": len(rollout.wave_ends),
        "nodes": {"total": rollout.nodes, **counts._asdict()},
        "jobs": rollout.jobs,
        **({} if rollout.ended else {"waits": waits}),
        **({"note": rollout.note} if rollout.note else {}),
        "document": rollout.document,
    }


def with_rollouts(result: Result, standings: Sequence[Standing]) -> Result:
    """Return the result of a delivery with how its rollouts stand.

    One that was stopped, or whose nodes failed, makes the outcome `partial` and is an error.
    """
    errors = [_error(one) for one in standings if _went_wrong(one)]
    return result._replace(
        outcome=max(result.outcome, "partial", key=WORST_LAST.index) if errors else result.outcome,
        errors=(*result.errors, *errors),
        rollouts=tuple(map(standing_json, standings)),
    )


def _went_wrong(standing: Standing) -> bool:
    rollout = standing.rollout
    return rollout.state == "stopped" or (rollout.ended and standing.counts.failed > 0)


def _error(standing: Standing) -> str:
    rollout = standing.rollout
    why = f": {rollout.note}" if rollout.note else ""
    return f"rollout {rollout.name} {'was ' * (rollout.state == 'stopped')}{rollout.state}{why}"
