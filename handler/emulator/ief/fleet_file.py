"""The file that describes a fleet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from handler.emulator.ief.fleet import NEWEST, Fleet, Group, Node
from handler.emulator.ief.node_entry import (
    FILE_RULES,
    FleetName,
    FleetText,
    NodeEntry,
    derived_id,
    entry_issues,
    nodes_of,
)
from handler.errors import SettingsError, SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.parsing.validation_errors import (
    Issue,
    to_problem,
    validation_issues,
    with_path_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEMO_FLEET = Path(__file__).with_name("fleet.yaml")
"""The fleet that is used when none is given."""

_LIMITS = Limits(max_bytes=2**20, max_nodes=100_000)
_Tasks = Annotated[int, Field(ge=1, le=100_000)]


class _GroupEntry(BaseModel):
    model_config = FILE_RULES
    name: FleetName
    id: FleetText = ""
    description: FleetText = ""


class _FleetFile(BaseModel):
    model_config = FILE_RULES
    newest: FleetText = NEWEST
    parallelism: _Tasks | None = None
    job_parallelism: _Tasks = Fleet.job_parallelism
    groups: list[_GroupEntry] = []
    nodes: list[NodeEntry]


def read_fleet(path: Path = DEMO_FLEET, seed: int = 0) -> Fleet:
    """Return the fleet that a file describes; `fleet.yaml` beside this module is an example.

    Any other file is the complete fleet. The demo fleet is not: targets that it does not have are
    accepted, so that specs with ids of a real fleet can be tried. The seed decides which nodes of
    an entry with a count are those of its percentages.

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
    if issues := list(_entry_conflicts(file)):
        raise _rejected(path, document, issues)
    groups = tuple(
        Group(one.id or derived_id("group", one.name), one.name, one.description)
        for one in file.groups
    )
    ids = {group.name: group.group_id for group in groups}
    nodes = [list(nodes_of(one, file.newest, ids, seed)) for one in file.nodes]
    if issues := list(_repeated_nodes(nodes)):
        raise _rejected(path, document, issues)
    listed = tuple(node for entry in nodes for node in entry)
    return Fleet(
        listed,
        groups,
        file.newest,
        complete=path != DEMO_FLEET,
        parallelism=file.parallelism or 0,
        job_parallelism=file.job_parallelism,
    )


def _rejected(path: Path, document: Document, issues: Iterable[Issue]) -> SettingsError:
    problems = (to_problem(issue, document)._replace(document=None) for issue in issues)
    return SettingsError("\n".join(f"{path}: {problem}" for problem in problems))


def _entry_conflicts(file: _FleetFile) -> Iterator[Issue]:
    known: set[str] = set()
    for number, group in enumerate(file.groups):
        if group.name in known:
            yield Issue(("groups", number, "name"), "is the name of an earlier one too")
        known.add(group.name)
    for number, entry in enumerate(file.nodes):
        yield from with_path_prefix(("nodes", number), list(entry_issues(entry)))
        for index, name in enumerate(entry.groups):
            if name not in known:
                at = ("nodes", number, "groups", index)
                yield Issue(at, "names a group that is not in the file")


def _repeated_nodes(entries: list[list[Node]]) -> Iterator[Issue]:
    names: set[str] = set()
    ids: set[str] = set()
    for number, nodes in enumerate(entries):
        if not names.isdisjoint(node.name for node in nodes):
            yield Issue(("nodes", number, "name"), "is the name of an earlier one too")
        elif not ids.isdisjoint(node.node_id for node in nodes):
            yield Issue(("nodes", number, "id"), "is the id of an earlier one too")
        names.update(node.name for node in nodes)
        ids.update(node.node_id for node in nodes)
