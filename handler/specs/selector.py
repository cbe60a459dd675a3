"""Selector: the nodes, or deployments, that a spec selects by what they are and in which state."""

from __future__ import annotations

import re
from fnmatch import translate
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from handler.errors import Problem, SpecRejectedError
from handler.parsing.validation_errors import Issue, to_problem
from handler.specs.node_names import similar_names
from handler.specs.rollout_form import selected
from handler.specs.targets import is_node_id, selects
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.parsing import Document
    from handler.schedule.rollout_settings import Select

_PATTERN_SIGNS = frozenset("*?[")
_EXCLUDED = "excluded"
_OFFLINE = "offline"
_NEWEST = "newest already"
_NOT_NEWEST = "not the newest"
_OVER_LIMIT = "over the limit"
_NO_GROUPS = "has a group, which needs an enterprise instance: set NIGHTDROP_IEF_INSTANCE"


class Selectable(Protocol):
    """A node, as the node list has it, or a deployment."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """Its state, such as RUNNING."""

    @property
    def upgradable(self) -> bool:
        """Whether there is something newer for it."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags as `key=value`."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The ids of its groups."""


class Selection(NamedTuple):
    """What was selected.

    Attributes:
        chosen: Id and name of each, in an order that is the same for every run and mixes all.
        skipped: What matches but is not taken: a reason, and the id and name of each.
    """

    chosen: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


def select(entries: Sequence[Selectable], groups: Mapping[str, str], wanted: Select) -> Selection:
    """Return what is wanted of some entries, and what is not taken for its state.

    Args:
        entries: The nodes or deployments; one that two pages of a list have counts once.
        groups: The names of node groups, by their ids; needed if a group is wanted.
        wanted: What they must be, and how.
    """
    is_meant = _what_they_are(wanted, groups)
    reason_against = _why_not(wanted)
    chosen: list[tuple[str, str]] = []
    skipped: dict[str, list[tuple[str, str]]] = {}
    by_id = {entry.id: entry for entry in entries}
    for entry in sorted(filter(is_meant, by_id.values()), key=_turn):
        reason = reason_against(entry)
        if not reason and wanted.limit is not None and len(chosen) == wanted.limit:
            reason = _OVER_LIMIT
        (skipped.setdefault(reason, []) if reason else chosen).append((entry.id, entry.name))
    return Selection(tuple(chosen), tuple((why, tuple(some)) for why, some in skipped.items()))


class Inventory(NamedTuple):
    """What can be selected; each is listed only if a document needs it.

    Attributes:
        nodes: Returns all nodes.
        groups: Returns the names of all node groups, by their ids; None if there are none, since
            only the enterprise edition has them.
        deployments: Returns all deployments.
    """

    nodes: Callable[[], Sequence[Selectable]]
    groups: Callable[[], Mapping[str, str]] | None
    deployments: Callable[[], Sequence[Selectable]]


def resolve_selections(
    documents: Sequence[Document], inventory: Inventory
) -> Mapping[int, Selection]:
    """Return what valid documents select, by their numbers.

    Raises:
        SpecRejectedError: A document selects nothing, or an unknown group; all are listed.
    """
    selections: dict[int, Selection] = {}
    problems: list[Problem] = []
    for document in documents:
        if not isinstance(document.value, dict) or not selects(document.value):
            continue
        of_nodes = document.value["kind"] != "deployment_upgrade"
        wanted = selected(document.value)
        is_name = wanted.group and not is_node_id(wanted.group)
        groups = inventory.groups() if inventory.groups and is_name else {}
        entries = inventory.nodes() if of_nodes else inventory.deployments()
        found = select(entries, groups, wanted)
        text = _NO_GROUPS if is_name and not inventory.groups else ""
        text = text or _unknown_group(wanted.group, groups) or _nothing(found, len(entries))
        if text:
            problems.append(to_problem(Issue(("targets", "select"), text), document))
        selections[document.number] = found
    if problems:
        raise SpecRejectedError(problems)
    return selections


def _unknown_group(group: str, groups: Mapping[str, str]) -> str:
    if not groups or group in groups or group in groups.values():
        return ""
    similar = similar_names(group, list(groups.values()))
    return f"no node group has the name or id {group}{similar}"


def _nothing(selection: Selection, total: int) -> str:
    """Return the sentence that nothing is left of a selection, and why; "" if something is."""
    if selection.chosen:
        return ""
    skipped = [f"{len(some)} {reason}" for reason, some in selection.skipped]
    why = f"of those that match, {', '.join(skipped)}" if skipped else f"none of {total} matches"
    return f"selects nothing: {why}"


def _turn(entry: Selectable) -> bytes:
    """Return what entries are sorted by: mixed, so that no wave is all of one site."""
    return sha256(entry.id.encode()).digest()


def _what_they_are(wanted: Select, groups: Mapping[str, str]) -> Callable[[Selectable], bool]:
    tags = frozenset(wanted.tags)
    has_name = re.compile(translate(wanted.name)).match
    ids = {wanted.group, *(one for one, name in groups.items() if name == wanted.group)}

    def is_meant(entry: Selectable) -> bool:
        return (
            tags.issubset(entry.tags)
            and has_name(entry.name) is not None
            and (not wanted.group or not ids.isdisjoint(entry.groups))
        )

    return is_meant


def _why_not(wanted: Select) -> Callable[[Selectable], str]:
    listed = frozenset(wanted.exclude)
    patterns = [one for one in wanted.exclude if not _PATTERN_SIGNS.isdisjoint(one)]
    has_excluded_name = re.compile("|".join(map(translate, patterns)) or r"(?!)").match

    def reason(entry: Selectable) -> str:
        if entry.id in listed or entry.name in listed or has_excluded_name(entry.name):
            return _EXCLUDED
        if wanted.states and entry.state not in wanted.states:
            return _OFFLINE if entry.state == "UNCONNECTED" else f"in state {entry.state.lower()}"
        if wanted.upgradable is not None and entry.upgradable is not wanted.upgradable:
            return _NEWEST if wanted.upgradable else _NOT_NEWEST
        return ""

    return reason
