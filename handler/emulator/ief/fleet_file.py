"""A fleet from a YAML or JSON file, or everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from handler.emulator.ief.fleet import NEWEST, STATES, Fleet, Group, Node
from handler.errors import Problem, SettingsError, SpecRejectedError
from handler.parsing import Limits, path_text, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.parsing import Document
    from handler.parsing import Path as Place
    from handler.values.canonical_json import Json

DEMO_FLEET = Path(__file__).with_name("fleet.yaml")
"""The fleet there is when none is asked for."""

_LIMITS = Limits(max_bytes=2**20, max_nodes=100_000)
_TOP = ("newest", "groups", "nodes")
_GROUP = ("name", "id", "description")
_NODE = ("name", "id", "state", "version", "upgrade_flag", "arch", "tags", "groups")
_LONGEST_NAME = 64


def read_fleet(path: Path = DEMO_FLEET) -> Fleet:
    """Return the fleet that a file describes; `fleet.yaml` beside this module is an example.

    A fleet of one's own is complete. Beside the demo's nodes there may be any others, so that specs
    with ids of a real fleet can be tried.

    Raises:
        SettingsError: The file cannot be read or has errors; the message lists all of them.
    """
    try:
        documents = read(path.read_bytes(), _LIMITS)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except SpecRejectedError as error:
        raise SettingsError(f"{path}: {error}") from error
    check = _Check(documents[0])
    if len(documents) > 1:
        check.wrong((), "a fleet is one document, not several")
    fleet = _fleet(check)
    if check.problems:
        raise SettingsError("\n".join(f"{path}: {problem}" for problem in check.problems))
    return replace(fleet, complete=path != DEMO_FLEET)


@dataclass(frozen=True)
class _Check:
    """A document under examination: what is wrong in it is noted, and something usable returned."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: Place, message: str) -> None:
        self.problems.append(Problem(message, path_text(place), line=self.document.line_of(place)))

    def mapping(self, value: Json, place: Place, fields: Iterable[str] = ()) -> dict[str, Json]:
        if not isinstance(value, dict):
            self.wrong(place, "must be a mapping of names to values")
            return {}
        known = tuple(fields)
        for name in value:
            if known and name not in known:
                self.wrong((*place, name), f"is not known here; there are {', '.join(known)}")
        return value

    def items(self, value: Json, place: Place) -> list[Json]:
        if isinstance(value, list):
            return value
        self.wrong(place, "must be a list")
        return []

    def text(self, value: Json, place: Place, *, longest: int = 256) -> str:
        if isinstance(value, str) and 1 <= len(value) <= longest:
            return value
        self.wrong(place, f"must be text of 1 to {longest} characters; put numbers in quotes")
        return ""


def _fleet(check: _Check) -> Fleet:
    top = check.mapping(check.document.value, (), _TOP)
    newest = check.text(top.get("newest", NEWEST), ("newest",))
    groups = tuple(
        _group(check, one, ("groups", number))
        for number, one in enumerate(check.items(top.get("groups", []), ("groups",)))
    )
    ids = {group.name: group.group_id for group in groups}
    nodes = tuple(
        _node(check, one, ("nodes", number), ids, newest)
        for number, one in enumerate(check.items(top.get("nodes"), ("nodes",)))
    )
    _once(check, "groups", [group.name for group in groups], "name")
    _once(check, "nodes", [node.name for node in nodes], "name")
    _once(check, "nodes", [node.node_id for node in nodes], "id")
    return Fleet(nodes, groups, newest)


def _group(check: _Check, value: Json, place: Place) -> Group:
    given = check.mapping(value, place, _GROUP)
    name = check.text(given.get("name"), (*place, "name"), longest=_LONGEST_NAME)
    return Group(
        check.text(given.get("id", _id("group", name or str(place))), (*place, "id")),
        name,
        check.text(given["description"], (*place, "description")) if "description" in given else "",
    )


def _node(check: _Check, value: Json, place: Place, groups: dict[str, str], newest: str) -> Node:
    given = check.mapping(value, place, _NODE)
    name = check.text(given.get("name"), (*place, "name"), longest=_LONGEST_NAME)
    version = check.text(given.get("version", newest), (*place, "version"))
    state = given.get("state", "RUNNING")
    if state not in STATES:
        check.wrong((*place, "state"), f"must be one of {', '.join(STATES)}")
    flag = given.get("upgrade_flag", version != newest)
    if not isinstance(flag, bool):
        check.wrong((*place, "upgrade_flag"), "must be true or false")
    return Node(
        node_id=check.text(given.get("id", _id("node", name or str(place))), (*place, "id")),
        name=name,
        state=str(state),
        version=version,
        upgrade_flag=bool(flag),
        arch=check.text(given.get("arch", "x86_64"), (*place, "arch")),
        tags=_tags(check, given.get("tags", {}), (*place, "tags")),
        groups=_groups(check, given.get("groups", []), (*place, "groups"), groups),
    )


def _tags(check: _Check, value: Json, place: Place) -> tuple[tuple[str, str], ...]:
    tags = check.mapping(value, place)
    return tuple((key, check.text(tag, (*place, key))) for key, tag in tags.items())


def _groups(check: _Check, value: Json, place: Place, known: dict[str, str]) -> tuple[str, ...]:
    ids = []
    for number, one in enumerate(check.items(value, place)):
        name = check.text(one, (*place, number))
        if name and name not in known:
            check.wrong((*place, number), "names a group that is not in the file")
        ids.append(known.get(name, ""))
    return tuple(ids)


def _once(check: _Check, part: str, values: list[str], field_name: str) -> None:
    for number, value in enumerate(values):
        if value and value in values[:number]:
            check.wrong((part, number, field_name), f"is the {field_name} of an earlier one too")


def _id(kind: str, name: str) -> str:
    """Return the id of what has none in the file: the same for the same name."""
    return str(uuid5(NAMESPACE_URL, f"nightdrop-emulator:{kind}:{name}"))
