"""The edge nodes and node groups of the emulated project, as the fleet file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

NodeState: TypeAlias = Literal["RUNNING", "FAIL", "UPGRADING", "STOPPED", "UNCONNECTED", "FREEZE"]
"""The states of a node, as on the API's page for ListEdgeNodes."""

STATES: tuple[str, ...] = get_args(NodeState)

NEWEST = "2.56.0"
"""The version of EdgeCore that an upgrade installs, unless the fleet file sets another."""


@dataclass(frozen=True)
class Node:
    """An edge node.

    Attributes:
        node_id: Its id.
        name: Its name, at most 64 characters.
        state: One of `NodeState`.
        version: The version of its EdgeCore.
        upgrade_flag: Whether it needs an upgrade.
        arch: Its processor's architecture.
        tags: Keys and values.
        groups: Ids of its groups.
    """

    node_id: str
    name: str
    state: str = "RUNNING"
    version: str = NEWEST
    upgrade_flag: bool = False
    arch: str = "x86_64"
    tags: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A node group; each node lists its groups."""

    group_id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Fleet:
    """All nodes and groups.

    Attributes:
        nodes: The nodes, in the order they are listed in.
        groups: The groups, in the order they are listed in.
        newest: The version of EdgeCore that an upgrade installs.
        complete: Whether tasks with a target that is not in the fleet fail.
    """

    nodes: tuple[Node, ...] = ()
    groups: tuple[Group, ...] = ()
    newest: str = NEWEST
    complete: bool = False
    _by_id: dict[str, Node] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id.update((node.node_id, node) for node in self.nodes)

    def node(self, node_id: str) -> Node | None:
        """Return a node by its id."""
        return self._by_id.get(node_id)

    def lacks(self, target_id: str) -> bool:
        """Return whether the fleet is complete and has no node or group with this id."""
        return self.complete and self.node(target_id) is None and self.group(target_id) is None

    def group(self, group_id: str) -> Group | None:
        """Return a group by its id."""
        return next((group for group in self.groups if group.group_id == group_id), None)

    def members(self, group_id: str) -> tuple[Node, ...]:
        """Return the nodes of a group."""
        return tuple(node for node in self.nodes if group_id in node.groups)
