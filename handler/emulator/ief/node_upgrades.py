"""The upgrades of nodes, derived from the upgrade jobs."""

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
    """The completed upgrade of a node.

    Attributes:
        node_id: The node.
        at: When it was completed, in seconds since 1970.
    """

    node_id: str
    at: float


def completed(jobs: Iterable[Job], now: float) -> tuple[Upgrade, ...]:
    """Return the completed upgrades, in the order of their completion."""
    found = [Upgrade(node, at) for node, status, at in _steps(jobs, now) if status == SUCCESSFUL]
    return tuple(sorted(found, key=lambda upgrade: upgrade.at))


def in_progress(jobs: Iterable[Job], now: float) -> frozenset[str]:
    """Return the ids of the nodes whose upgrade is in progress."""
    return frozenset(node for node, status, _ in _steps(jobs, now) if status == RUNNING)


def _steps(jobs: Iterable[Job], now: float) -> Iterable[tuple[str, str, float]]:
    for job in jobs:
        if job.kind == "node_upgrade":
            for index, one in task_progress(job, now).items():
                yield str(job.targets[index].get("target_id")), one.status, one.since
