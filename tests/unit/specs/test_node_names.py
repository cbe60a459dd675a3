"""Nodes named in a spec by their names."""

from __future__ import annotations

import pytest

from handler.errors import SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.specs.node_names import Resolved, resolve_names, unresolved
from handler.specs.planner import has_names

UUID = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
NODES = {"id-1": "gateway-1", "id-2": "gateway-2", "id-3": "twin", "id-4": "twin"}


def documents(*nodes: str) -> tuple[Document, ...]:
    """Return one document that names nodes, each on a line of its own."""
    entries = "".join(f"    - {node}\n" for node in nodes)
    text = f"kind: node_upgrade\nname: a\ntargets:\n  nodes:\n{entries}"
    return read(text.encode(), Limits())


def resolved(*nodes: str) -> Resolved:
    """Return that document with ids."""
    return resolve_names(documents(*nodes), NODES)


def errors(*nodes: str) -> list[str]:
    """Return the errors of that document."""
    with pytest.raises(SpecRejectedError) as raised:
        resolved(*nodes)
    return list(map(str, raised.value.problems))


@pytest.mark.parametrize(
    ("entry", "is_name"),
    [("gateway-1", True), ("n", True), (UUID, False), (UUID.upper(), False),
     (UUID.replace("-", ""), False), ("{id: n}", False), ("{id: n, name: m}", False)],
)  # fmt: skip
def test_bare_text_that_is_no_uuid_may_be_a_name(entry: str, *, is_name: bool) -> None:
    """Everything else is an id, and is not looked up."""
    assert has_names(documents(entry)) is is_name


def test_a_name_becomes_its_id_and_both_are_said() -> None:
    """What stays an id stays as it was written."""
    ((document,), names) = resolved("gateway-2", UUID, "id-1")
    assert document.value == {
        "kind": "node_upgrade",
        "name": "a",
        "targets": {"nodes": [{"id": "id-2", "name": "gateway-2"}, UUID, "id-1"]},
    }
    assert names == {1: (("id-2", "gateway-2"),)}


def test_an_unknown_name_is_an_error_with_its_line_and_near_misses() -> None:
    """All of them at once."""
    first, second = errors("gateway-3", "gateway-1", "zebra")
    assert first == (
        "document 1, line 5, targets.nodes[0]: no node has the name or id gateway-3; similar: "
        "gateway-2, gateway-1"
    )
    assert second == (
        "document 1, line 7, targets.nodes[2]: no node has the name or id zebra; see "
        "`nightdrop nodes list`"
    )


def test_a_name_of_two_nodes_is_an_error_with_their_ids() -> None:
    """Nightdrop does not choose."""
    assert errors("twin") == [
        "document 1, line 5, targets.nodes[0]: 2 nodes are called twin; give the id: id-3, id-4"
    ]


def test_names_that_cannot_be_looked_up_are_an_error_that_says_why() -> None:
    """With what to write instead."""
    error = unresolved(documents(UUID, "gateway-1"), "no right")
    (problem,) = map(str, error.problems)
    assert problem == (
        "document 1, line 6, targets.nodes[1]: gateway-1 is not an id, and no right; give the "
        "node's id"
    )


def test_similar_names_are_looked_for_a_few_times_only() -> None:
    """Otherwise one small file of unknown names would cost a minute of processor time."""
    found = errors(*(f"gateway-{letter}" for letter in "abcdefgh"))
    assert ["similar" in one for one in found] == [True] * 3 + [False] * 5
    assert "nightdrop nodes list" in found[-1]
