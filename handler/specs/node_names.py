"""Nodes that a spec names by their names: found in the node list, replaced by their ids.

Only the short form has names, as bare text: `nodes: [gateway-north-1]`. A UUID, the shape of IEF's
ids, and `{id: …}` are ids, and are not looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.errors import Problem, SpecRejectedError
from handler.parsing import first_problems
from handler.parsing.validation_errors import Issue, to_problem
from handler.specs.planner import listed_nodes, make_plan, named_nodes
from handler.specs.targets import selects
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handler.parsing import Document
    from handler.specs.planner import NamedNodes, Plan
    from handler.values.canonical_json import Json

_MOST_SIMILAR, _SIMILARITY = 3, 0.6
_MOST_HINTS = 3  # unknown names of a file for which similar ones are looked for


class Resolved(NamedTuple):
    """Documents whose nodes have ids.

    Attributes:
        documents: The documents, each node that was named as `{id, name}`.
        names: What each document's names were found to be, by its number.
    """

    documents: tuple[Document, ...]
    names: Mapping[int, NamedNodes]


def resolve_names(documents: Sequence[Document], nodes: Mapping[str, str]) -> Resolved:
    """Return valid documents with the ids of the nodes they name.

    Args:
        documents: Documents without errors.
        nodes: The names of all nodes, by their ids.

    Raises:
        SpecRejectedError: A node is unknown, or several have its name; all are listed.
    """
    by_name: dict[str, list[str]] = {}
    for node_id, name in nodes.items():
        by_name.setdefault(name, []).append(node_id)
    problems = first_problems(_problems(documents, nodes, by_name))
    if problems:
        raise SpecRejectedError(problems)
    found = [_with_ids(document, nodes, by_name) for document in documents]
    names = {document.number: named for document, named in found if named}
    return Resolved(tuple(document for document, _ in found), names)


def unresolved(documents: Sequence[Document], reason: str) -> SpecRejectedError:
    """Return the error that names cannot be looked up, or nothing be selected, and why."""
    return SpecRejectedError([*_unresolved(documents, reason)][:1])


def _unresolved(documents: Sequence[Document], reason: str) -> Iterator[Problem]:
    for document in documents:
        for place, name in named_nodes(document):
            yield _problem(
                document, place, f"{name} is not an id, and {reason}; give the node's id"
            )
        if isinstance(document.value, dict) and selects(document.value):
            issue = Issue(("targets", "select"), f"cannot be resolved: {reason}")
            yield to_problem(issue, document)


def _problems(
    documents: Sequence[Document], nodes: Mapping[str, str], by_name: Mapping[str, list[str]]
) -> Iterator[Problem]:
    hints = _MOST_HINTS
    for document in documents:
        for place, name in named_nodes(document):
            ids = by_name.get(name, [])
            if name not in nodes and len(ids) != 1:
                # To look for similar names among thousands takes a tenth of a second each time.
                known = list(by_name) if hints > 0 else ()
                hints -= not ids
                text = ambiguous_node(name, ids) if ids else unknown_node(name, known)
                yield _problem(document, place, text)


def _problem(document: Document, place: int, text: str) -> Problem:
    return to_problem(Issue(("targets", "nodes", place), text), document)


def ambiguous_node(name: str, ids: Sequence[str]) -> str:
    """Return the sentence that several nodes have a name, and which ids they have."""
    return f"{len(ids)} nodes are called {name}; give the id: {', '.join(sorted(ids))}"


def unknown_node(name: str, known: Sequence[str]) -> str:
    """Return the sentence that no node has a name, with those that are similar."""
    hint = similar_names(name, known) or "; see `nightdrop nodes list`"
    return f"no node has the name or id {name}{hint}"


def similar_names(name: str, known: Sequence[str]) -> str:
    """Return `; similar: …` with the names that are most similar; "" if none is."""
    import difflib

    similar = difflib.get_close_matches(name, known, n=_MOST_SIMILAR, cutoff=_SIMILARITY)
    return f"; similar: {', '.join(similar)}" if similar else ""


def _with_ids(
    document: Document, nodes: Mapping[str, str], by_name: Mapping[str, list[str]]
) -> tuple[Document, NamedNodes]:
    found = {name: by_name[name][0] for _, name in named_nodes(document) if name not in nodes}
    if not found or not isinstance(document.value, dict):
        return document, ()
    entries: list[Json] = [
        {"id": found[one], "name": one} if isinstance(one, str) and one in found else one
        for one in listed_nodes(document)
    ]
    value: Json = {**document.value, "targets": {"nodes": entries}}
    return document._replace(value=value), tuple((one, name) for name, one in found.items())


def plan_without_fleet(key: str, documents: Sequence[Document], grace: int) -> Plan:
    """Return a plan as if each name was a node's: no node is looked up.

    Args:
        key: The delivery's key.
        documents: The documents of its spec.
        grace: Seconds that a rollout's job may need beyond IEF's ten minutes.

    Raises:
        SpecRejectedError: The documents have errors.
    """
    names = {one.number: tuple((name, name) for _, name in named_nodes(one)) for one in documents}
    return make_plan(key, documents, names, grace=grace)
