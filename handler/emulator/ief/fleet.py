"""The edge nodes and node groups of the emulated project, and the file that describes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field

from handler.errors import SettingsError, SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.parsing.validation_errors import Issue, to_problem, validation_issues

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


NodeState: TypeAlias = Literal["RUNNING", "FAIL", "UPGRADING", "STOPPED", "UNCONNECTED", "FREEZE"]
"""The states of a node, as on the API's page for ListEdgeNodes."""

NEWEST = "2.56.0"
"""The version of EdgeCore that an upgrade installs, unless the fleet file sets another."""

DEMO_FLEET = Path(__file__).with_name("fleet.yaml")
"""The fleet that is used when none is given."""

_LIMITS = Limits(max_bytes=2**20, max_nodes=100_000)
_STRICT = ConfigDict(extra="forbid", strict=True)
_Text = Annotated[str, Field(min_length=1, max_length=256)]
_Name = Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True)
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
    not have fail.
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


class _GroupEntry(BaseModel):
    model_config = _STRICT
    name: _Name
    id: _Text = ""
    description: _Text = ""


class _NodeEntry(BaseModel):
    model_config = _STRICT
    name: _Name
    id: _Text = ""
    state: NodeState = "RUNNING"
    version: _Text = ""
    upgrade_flag: bool = False
    arch: _Text = "x86_64"
    tags: dict[str, _Text] = {}
    groups: list[_Text] = []


class _FleetFile(BaseModel):
    model_config = _STRICT
    newest: _Text = NEWEST
    groups: list[_GroupEntry] = []
    nodes: list[_NodeEntry]


def read_fleet(path: Path = DEMO_FLEET) -> Fleet:
    """Return the fleet that a file describes; `fleet.yaml` beside this module is an example.

    Any other file is the complete fleet. The demo fleet is not: targets that it does not have are
    accepted, so that specs with ids of a real fleet can be tried.

    Raises:
        SettingsError: The file cannot be read or has errors; the message lists all of them.
    """
    try:
        documents = read(path.read_bytes(), _LIMITS)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except SpecRejectedError as error:
        raise SettingsError(f"{path}: {error}") from error
    if len(documents) > 1:
        raise SettingsError(f"{path}: a fleet is one document, not several")
    document = documents[0]
    if issues := validation_issues(_FleetFile, document.value):
        raise _rejected(path, document, issues)
    file = _FleetFile.model_validate(document.value)
    if issues := list(_conflicts(file)):
        raise _rejected(path, document, issues)
    return replace(_fleet(file), complete=path != DEMO_FLEET)


def _rejected(path: Path, document: Document, issues: Iterable[Issue]) -> SettingsError:
    problems = (replace(to_problem(issue, document), document=None) for issue in issues)
    return SettingsError("\n".join(f"{path}: {problem}" for problem in problems))


def _conflicts(file: _FleetFile) -> Iterator[Issue]:
    known = {group.name for group in file.groups}
    for number, node in enumerate(file.nodes):
        for index, name in enumerate(node.groups):
            if name not in known:
                at = ("nodes", number, "groups", index)
                yield Issue(at, "names a group that is not in the file")
    yield from _repeated("groups", "name", [group.name for group in file.groups])
    yield from _repeated("nodes", "name", [node.name for node in file.nodes])
    yield from _repeated("nodes", "id", [_node_id(node) for node in file.nodes])


def _repeated(part: str, field: str, values: list[str]) -> Iterator[Issue]:
    seen: set[str] = set()
    for number, value in enumerate(values):
        if value in seen:
            yield Issue((part, number, field), f"is the {field} of an earlier one too")
        seen.add(value)


def _fleet(file: _FleetFile) -> Fleet:
    groups = tuple(
        Group(one.id or _derived_id("group", one.name), one.name, one.description)
        for one in file.groups
    )
    ids = {group.name: group.group_id for group in groups}
    return Fleet(
        groups=groups,
        newest=file.newest,
        nodes=tuple(
            Node(
                node_id=_node_id(one),
                name=one.name,
                state=one.state,
                version=one.version or file.newest,
                upgrade_flag=(
                    one.upgrade_flag
                    if "upgrade_flag" in one.model_fields_set
                    else bool(one.version) and one.version != file.newest
                ),
                arch=one.arch,
                tags=tuple(one.tags.items()),
                groups=tuple(ids[name] for name in one.groups),
            )
            for one in file.nodes
        ),
    )


def _node_id(node: _NodeEntry) -> str:
    return node.id or _derived_id("node", node.name)


def _derived_id(kind: str, name: str) -> str:
    """Return the id of an entry without one: the same for the same name."""
    return str(uuid5(NAMESPACE_URL, f"nightdrop-emulator:{kind}:{name}"))
