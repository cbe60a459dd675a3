"""The upgrades of nodes that jobs have completed, and those in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.emulator.ief.job import Job, task_progress, unchanging
from handler.emulator.ief.run import RUNNING, SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Upgrade:
    """The completed upgrade of a node, at a time in seconds since 1970."""

    node_id: str
    at: float


def completed_upgrades(job: Job, now: float) -> tuple[Upgrade, ...]:
    """Return the upgrades that a job has completed, in the order of their completion."""
    found = (Upgrade(node, at) for node, status, at in _tasks(job, now) if status == SUCCESSFUL)
    return tuple(sorted(found, key=lambda upgrade: upgrade.at))


def _tasks(job: Job, now: float) -> Iterable[tuple[str, str, float]]:
    if job.kind == "node_upgrade":
        for index, one in task_progress(job, now).items():
            yield str(job.targets[index].get("target_id")), one.status, one.since


@dataclass
class NodeUpgrades:
    """All upgrades so far: of jobs that may still change, of settled jobs, of deleted ones.

    A settled job costs nothing any more when the upgrades are asked for. Time only moves forward.
    """

    _changing: dict[str, Job] = field(default_factory=dict)
    _settled: dict[str, tuple[Upgrade, ...]] = field(default_factory=dict)
    _times: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def save(self, job: Job) -> None:
        """Follow a job that is new or was changed."""
        self._forget(job.job_id)
        if job.kind == "node_upgrade":
            self._changing[job.job_id] = job

    def remove(self, job_id: str, upgrades: Iterable[Upgrade]) -> None:
        """Stop following a job; the upgrades that it has completed stay."""
        self._forget(job_id)
        _add(self._times, upgrades)

    def clear(self) -> None:
        """Forget all upgrades."""
        for part in (self._changing, self._settled, self._times):
            part.clear()

    def at(self, now: float) -> tuple[dict[str, tuple[float, ...]], frozenset[str]]:
        """Return the times of the upgrades of each node, and the nodes that are being upgraded."""
        for job in [one for one in self._changing.values() if unchanging(one) <= now]:
            self._settled[job.job_id] = completed_upgrades(self._changing.pop(job.job_id), now)
            _add(self._times, self._settled[job.job_id])
        times = dict(self._times)
        upgrading: set[str] = set()
        for job in self._changing.values():
            _add(times, completed_upgrades(job, now))
            upgrading.update(node for node, status, _ in _tasks(job, now) if status == RUNNING)
        return times, frozenset(upgrading)

    def _forget(self, job_id: str) -> None:
        self._changing.pop(job_id, None)
        for upgrade in self._settled.pop(job_id, ()):
            times = list(self._times.pop(upgrade.node_id))
            times.remove(upgrade.at)
            if times:
                self._times[upgrade.node_id] = tuple(times)


def _add(times: dict[str, tuple[float, ...]], upgrades: Iterable[Upgrade]) -> None:
    for upgrade in upgrades:
        others = times.get(upgrade.node_id, ())
        times[upgrade.node_id] = tuple(sorted((*others, upgrade.at)))
