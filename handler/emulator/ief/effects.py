"""What jobs have done to nodes and deployments, and what they are doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from handler.emulator.ief.job import Job, task_progress, unchanging
from handler.emulator.ief.run import RUNNING, SUCCESSFUL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class _Effect(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def at(self) -> float: ...


E = TypeVar("E", bound=_Effect)


@dataclass(frozen=True)
class Upgrade:
    """The completed upgrade of a node, at a time in seconds since 1970."""

    node_id: str
    at: float

    @property
    def key(self) -> str:
        """The node's id."""
        return self.node_id


def completed_upgrades(job: Job, now: float) -> tuple[Upgrade, ...]:
    """Return the upgrades that a job has completed."""
    return tuple(
        Upgrade(node, at) for node, status, at in _upgrade_tasks(job, now) if status == SUCCESSFUL
    )


def nodes_being_upgraded(jobs: Iterable[Job], now: float) -> frozenset[str]:
    """Return the ids of the nodes whose upgrade is in progress."""
    tasks = (task for job in jobs for task in _upgrade_tasks(job, now))
    return frozenset(node for node, status, _ in tasks if status == RUNNING)


def _upgrade_tasks(job: Job, now: float) -> Iterable[tuple[str, str, float]]:
    if job.kind == "node_upgrade":
        for index, one in task_progress(job, now).items():
            yield job.target_id(index), one.status, one.since


@dataclass
class Effects(Generic[E]):
    """The effects of all jobs so far, by what they are on: a node, or a deployment.

    A job whose tasks can change no more is settled, and costs nothing when effects are asked for.
    Time only moves forward.

    Attributes:
        of: Returns the effects that a job has had at a time.
        changing: The jobs that are not settled, by their ids.
    """

    of: Callable[[Job, float], tuple[E, ...]]
    changing: dict[str, Job] = field(default_factory=dict)
    _settled: dict[str, tuple[E, ...]] = field(default_factory=dict)
    _by_key: dict[str, tuple[E, ...]] = field(default_factory=dict)

    def save(self, job: Job) -> None:
        """Follow a job that is new or was changed."""
        self._forget(job.job_id)
        self.changing[job.job_id] = job

    def remove(self, job_id: str, effects: Iterable[E]) -> None:
        """Stop following a job; these effects of it stay."""
        self._forget(job_id)
        _add(self._by_key, effects)

    def clear(self) -> None:
        """Forget everything."""
        for part in (self.changing, self._settled, self._by_key):
            part.clear()

    def at(self, now: float) -> Mapping[str, tuple[E, ...]]:
        """Return the effects on each key, in the order of their times."""
        for job in [one for one in self.changing.values() if unchanging(one) <= now]:
            del self.changing[job.job_id]
            if effects := self.of(job, now):
                self._settled[job.job_id] = effects
                _add(self._by_key, effects)
        found = dict(self._by_key)
        for job in self.changing.values():
            _add(found, self.of(job, now))
        return found

    def _forget(self, job_id: str) -> None:
        self.changing.pop(job_id, None)
        for effect in self._settled.pop(job_id, ()):
            left = tuple(one for one in self._by_key.pop(effect.key) if one is not effect)
            if left:
                self._by_key[effect.key] = left


def _add(by_key: dict[str, tuple[E, ...]], effects: Iterable[E]) -> None:
    for effect in effects:
        others = by_key.get(effect.key, ())
        by_key[effect.key] = tuple(sorted((*others, effect), key=lambda one: one.at))
