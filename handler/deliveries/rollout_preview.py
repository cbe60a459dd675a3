"""What a rollout would be: its nodes, those that are skipped, and when each wave has its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.schedule.sentences import rollout_sentences, select_sentence
from handler.schedule.timeline import timeline
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from handler.schedule.timeline import WaveTime
    from handler.specs.rollout_planner import PlannedRollout
    from handler.values.canonical_json import Json

_MOST_NAMED = 10


def rollout_preview(
    rollout: PlannedRollout, name: str, now: datetime, grace: int
) -> dict[str, Json]:
    """Return what a rollout would be that is planned now.

    Args:
        rollout: The rollout, with its nodes.
        name: The name that it would have.
        now: When it would begin, if its window allows it.
        grace: Seconds that a job may need beyond IEF's ten minutes.
    """
    settings, nodes = rollout.settings, rollout.nodes
    waves = timeline(settings, len(nodes), now, grace) if nodes else ()
    return {
        "document": rollout.document,
        "name": name,
        "job_type": rollout.job_type,
        **({"select": select_sentence(settings.select)} if settings.select else {}),
        "settings": list(rollout_sentences(settings)),
        "selected": len(nodes),
        "names": [one or node_id for node_id, one in nodes[:_MOST_NAMED]],
        "skipped": [{"reason": reason, "nodes": len(some)} for reason, some in rollout.skipped],
        "jobs": sum(wave.jobs for wave in waves),
        "waves": [_wave(one) for one in waves],
    }


def _wave(wave: WaveTime) -> dict[str, Json]:
    return {
        "wave": wave.number,
        "nodes": wave.nodes,
        "jobs": wave.jobs,
        "earliest_start": timestamp(wave.earliest_start),
        "latest_start": timestamp(wave.latest_start),
        "latest_end": timestamp(wave.latest_end),
    }
