"""Reads a fleet from a YAML or JSON file, or reports everything that is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handler.emulator.ief.fleet import NEWEST, STATES, Fleet, Group, Node, NodeState
from handler.errors import Problem, SettingsError, SpecRejectedError
from handler.parsing import Document, Limits, format_path, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

    from handler.parsing import Path as Steps

DEMO_FLEET = Path(__file__).with_name("fleet.yaml")
"""The fleet that is used when none is given."""

_LIMITS = Limits(max_bytes=2**20, max_nodes=100_000)
_STRICT = ConfigDict(extra="forbid", strict=True)
_Text = Annotated[str, Field(min_length=1, max_length=256)]
_Name = Annotated[str, Field(min_length=1, max_length=64)]


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
    try:
        file = _FleetFile.model_validate(document.value)
    except ValidationError as error:
        raise _rejected(path, document, map(_problem, error.errors())) from error
    if problems := list(_conflicts(file)):
        raise _rejected(path, document, problems)
    return replace(_fleet(file), complete=path != DEMO_FLEET)


def _rejected(
    path: Path, document: Document, problems: Iterable[tuple[Steps, str]]
) -> SettingsError:
    lines = (Problem(text, format_path(at), line=document.line_of(at)) for at, text in problems)
    return SettingsError("\n".join(f"{path}: {line}" for line in lines))


def _problem(error: ErrorDetails) -> tuple[Steps, str]:
    at, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        model = _FleetFile if len(at) == 1 else _ENTRIES[str(at[0])]
        return at, f"is not known here; the fields are {', '.join(model.model_fields)}"
    if kind == "list_type" or at == ("nodes",):
        return at, "must be a list"
    longest = 64 if at[-1:] == ("name",) else 256
    text = f"must be text of 1 to {longest} characters; put numbers in quotes"
    return at, _SENTENCES.get(kind, text)


_ENTRIES: dict[str, type[BaseModel]] = {"groups": _GroupEntry, "nodes": _NodeEntry}
_SENTENCES = {
    "model_type": "must be a mapping of names to values",
    "dict_type": "must be a mapping of names to values",
    "literal_error": f"must be one of {', '.join(STATES)}",
    "bool_type": "must be true or false",
}


def _conflicts(file: _FleetFile) -> Iterator[tuple[Steps, str]]:
    known = {group.name for group in file.groups}
    for number, node in enumerate(file.nodes):
        for index, name in enumerate(node.groups):
            if name not in known:
                yield ("nodes", number, "groups", index), "names a group that is not in the file"
    yield from _repeated("groups", "name", [group.name for group in file.groups])
    yield from _repeated("nodes", "name", [node.name for node in file.nodes])
    yield from _repeated("nodes", "id", [_node_id(node) for node in file.nodes])


def _repeated(part: str, field: str, values: list[str]) -> Iterator[tuple[Steps, str]]:
    seen: set[str] = set()
    for number, value in enumerate(values):
        if value in seen:
            yield (part, number, field), f"is the {field} of an earlier one too"
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
