"""Waves: how many nodes have their turn when, and whether too many of them failed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.schedule.rollout_settings import RolloutSettings


def wave_ends(settings: RolloutSettings, nodes: int) -> tuple[int, ...]:
    """Return how many nodes have had their turn after each wave.

    A wave's number or share counts the nodes of earlier waves too; a share is rounded up. The rest
    are in the last wave. A wave to which no node is left has no entry, unless nodes may join later:
    they are in the last one, behind the approval and the soak before it.
    """
    ends = _ends(settings.waves, nodes)
    if settings.late_joiners == "include" and nodes:
        return (*ends, nodes) if ends[-1] < nodes else tuple(ends)
    return tuple(sorted({*ends, nodes} - {0}))


def without_empty_waves(settings: RolloutSettings, nodes: int) -> RolloutSettings:
    """Return settings whose waves all have nodes, so that the numbers in `approve_before` agree.

    The approval of a wave that is left out is needed for the next one.
    """
    waves: list[str] = []
    approvals: set[int] = set()
    done = 0
    is_due = False
    for number, (wave, end) in enumerate(
        zip(settings.waves, _ends(settings.waves, nodes), strict=True), start=1
    ):
        is_due = is_due or number in settings.approve_before
        if end <= done:
            continue
        waves.append(wave)
        if is_due:
            approvals.add(len(waves))
        done, is_due = end, False
    return replace(settings, waves=tuple(waves), approve_before=tuple(sorted(approvals)))


def jobs_for(nodes: int, settings: RolloutSettings) -> int:
    """Return how many jobs a number of nodes needs."""
    return -(-nodes // settings.max_targets_per_job)


def job_count(nodes: int, settings: RolloutSettings) -> int:
    """Return how many jobs all waves need, if no node is tried again."""
    ends = (0, *wave_ends(settings, nodes))
    return sum(jobs_for(end - begin, settings) for begin, end in pairwise(ends))


def breached(failed: int, finished: int, settings: RolloutSettings) -> bool:
    """Return whether too many nodes failed.

    A share is judged once `min_finished` nodes have finished, a number at any time.

    Args:
        failed: Nodes that failed.
        finished: Nodes that finished, failed or not.
        settings: The rollout's settings.
    """
    limit = settings.max_failed
    if not limit:
        return False
    if limit.endswith("%"):
        is_judged = finished >= settings.min_finished
        return is_judged and failed * 100 > int(limit[:-1]) * finished
    return failed > int(limit)


def _ends(waves: Sequence[str], nodes: int) -> list[int]:
    """Return the end of each wave, also of those without nodes."""
    ends: list[int] = []
    for wave in waves:
        share = -(-int(wave[:-1]) * nodes // 100) if wave.endswith("%") else int(wave)
        ends.append(max(min(share, nodes), ends[-1] if ends else 0))
    return ends
