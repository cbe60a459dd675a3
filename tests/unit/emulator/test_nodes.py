"""Which nodes a query selects."""

from __future__ import annotations

import pytest

from handler.emulator.nodes import NODES, select_nodes


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, [node["name"] for node in NODES]),
        ({"name": "north"}, ["gate-north-1", "gate-north-2"]),
        ({"state": "UNCONNECTED"}, ["gate-south-2"]),
        ({"tags": "site.south", "state": "RUNNING"}, ["gate-south-1"]),
        ({"tags": "site.south,site.north"}, []),
        ({"name": "x"}, []),
    ],
)
def test_a_query_selects_by_all_its_parts(query: dict[str, str], names: list[str]) -> None:
    """A part of the name, the state, and every tag must fit."""
    assert [node["name"] for node in select_nodes(query)] == names
