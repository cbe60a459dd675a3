"""What upgrade jobs have done to the nodes, read off the jobs themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.emulator.ief.job import task_progress
from handler.emulator.ief.job_run import RUNNING, SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.emulator.ief.job import Job


@dataclass(frozen=True)
class Upgrade:
    """One node's upgrade, done.

    Attributes:
        node_id: The node.
        at: When it was done, in seconds since 1970.
    """

    node_id: str
    at: float


def done(jobs: Iterable[Job], now: float) -> tuple[Upgrade, ...]:
    """Return the upgrades that jobs have brought to their end, in the order of their ends."""
    found = [Upgrade(node, at) for node, status, at in _steps(jobs, now) if status == SUCCESSFUL]
    return tuple(sorted(found, key=lambda upgrade: upgrade.at))


def under_way(jobs: Iterable[Job], now: float) -> frozenset[str]:
    """Return the ids of the nodes that jobs are upgrading."""
    return frozenset(node for node, status, _ in _steps(jobs, now) if status == RUNNING)


def _steps(jobs: Iterable[Job], now: float) -> Iterable[tuple[str, str, float]]:
    for job in jobs:
        if job.kind == "node_upgrade":
            for index, one in task_progress(job, now).items():
                yield str(job.targets[index].get("target_id")), one.status, one.since
