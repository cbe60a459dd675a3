"""The edge nodes and node groups of the emulated project."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

NodeState: TypeAlias = Literal["RUNNING", "FAIL", "UPGRADING", "STOPPED", "UNCONNECTED", "FREEZE"]
"""The states of a node, as on the API's page for ListEdgeNodes."""

UNCONNECTED = "UNCONNECTED"
"""The state of a node that is out of reach."""

NEWEST = "2.56.0"
"""The version of EdgeCore that an upgrade installs, unless the fleet file sets another."""

_P95 = 1.6449  # standard deviations of a normal distribution


@dataclass(frozen=True)
class Behaviour:
    """What becomes of tasks on nodes of one kind.

    Attributes:
        failing: The share of tasks that fail; None for the failure rate of the simulation.
        late: The share of tasks that do not succeed in time, and are shown as successful later.
        median: Seconds of the fleet's time that half of the tasks stay below; 0 for those of the
            simulation.
        p95: Seconds that 95 % of the tasks stay below.
    """

    failing: float | None = None
    late: float = 0.0
    median: float = 0.0
    p95: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the logarithm of the seconds."""
        return math.log(self.p95 / self.median) / _P95


@dataclass(frozen=True)
class Flapping:
    """A node's turns out of reach: the first half of each period, in seconds of the fleet's time.

    `phase`, from 0 to 1, is the part of a period by which the node is ahead of others.
    """

    period: float
    phase: float

    def seconds_away(self, at: float) -> float:
        """Return the seconds from a time until the node is in reach; 0 if it is."""
        position = (at / self.period + self.phase) % 1
        return max(0.0, (0.5 - position) * self.period)


@dataclass(frozen=True, slots=True)
class Node:
    """An edge node; its tags are keys and values, its groups are their ids."""

    node_id: str
    name: str
    state: str = "RUNNING"
    version: str = NEWEST
    upgrade_flag: bool = False
    arch: str = "x86_64"
    tags: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    behaviour: Behaviour = Behaviour()
    flapping: Flapping | None = None

    def state_at(self, at: float) -> str:
        """Return its state at a time, in seconds of the fleet's time."""
        return UNCONNECTED if self.seconds_away(at) else self.state

    def seconds_away(self, at: float) -> float:
        """Return the seconds of the fleet's time until it is in reach: 0 if it is, or infinity."""
        if self.state == UNCONNECTED:
            return math.inf
        return self.flapping.seconds_away(at) if self.flapping else 0.0


@dataclass(frozen=True)
class Group:
    """A node group; each node lists its groups."""

    group_id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Fleet:
    """All nodes and groups, in the order they are listed in.

    An upgrade installs the version `newest`. In a complete fleet, tasks with a target that it does
    not have fail. `parallelism` is how many tasks of all jobs run at the same time at most, 0 for
    no limit; `job_parallelism` how many of one job.
    """

    nodes: tuple[Node, ...] = ()
    groups: tuple[Group, ...] = ()
    newest: str = NEWEST
    complete: bool = False
    parallelism: int = 0
    job_parallelism: int = 10
    _nodes: Mapping[str, Node] = field(init=False, repr=False, compare=False)
    _groups: Mapping[str, Group] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_nodes", {node.node_id: node for node in self.nodes})
        object.__setattr__(self, "_groups", {group.group_id: group for group in self.groups})

    def node(self, node_id: str) -> Node | None:
        """Return a node by its id."""
        return self._nodes.get(node_id)

    def lacks(self, target_id: str) -> bool:
        """Return whether the fleet is complete and has no node or group with this id."""
        return self.complete and self.node(target_id) is None and self.group(target_id) is None

    def group(self, group_id: str) -> Group | None:
        """Return a group by its id."""
        return self._groups.get(group_id)

    def members(self, group_id: str) -> tuple[Node, ...]:
        """Return the nodes of a group."""
        return tuple(node for node in self.nodes if group_id in node.groups)
