"""What is said about nodes and groups, and which nodes a query selects."""

from __future__ import annotations

import pytest

from handler.emulator.ief.fleet import Fleet, Group, Node
from handler.emulator.ief.node_responses import FleetStatus, Upgrade

DOCKS = Group("g1", "docks")
FLEET = Fleet(
    (
        Node("n1", "gate-north-1", version="2.53.0", upgrade_flag=True, tags=(("site", "north"),)),
        Node("n2", "gate-north-2", tags=(("site", "north"), ("line", "2")), groups=("g1",)),
        Node("n3", "gate-south-1", tags=(("site", "south"),), groups=("g1",)),
        Node("n4", "gate-south-2", state="UNCONNECTED", tags=(("site", "south"),)),
    ),
    (DOCKS,),
    newest="2.56.0",
)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["n1", "n2", "n3", "n4"]),
        ({"name": "north"}, ["n1", "n2"]),
        ({"state": "UNCONNECTED"}, ["n4"]),
        ({"tags": "site.south", "state": "RUNNING"}, ["n3"]),
        ({"tags": "site.north,line.2"}, ["n2"]),
        ({"tags": "site.south,site.north"}, []),
        ({"group_id": "g1"}, ["n2", "n3"]),
        ({"group_id": "g1", "tags": "site.south"}, ["n3"]),
        ({"group_id": "g2"}, []),
        ({"name": "x"}, []),
    ],
)
def test_a_query_selects_by_all_its_parts(query: dict[str, str], ids: list[str]) -> None:
    """A part of the name, the state, the group and every tag must fit."""
    assert [node["id"] for node in FleetStatus(FLEET).select(query)] == ids


def test_an_upgrade_clears_the_flag_and_is_remembered() -> None:
    """The version is the newest, and the history names both."""
    (node, *_) = FleetStatus(FLEET, [Upgrade("n1", 1_800_000_000.9)]).select({})
    assert (node["upgrade_flag"], node["ief_node_version"]) == (False, "2.56.0")
    assert node["upgrade_history"] == [
        {
            "from_version": "2.53.0",
            "to_version": "2.56.0",
            "upgrade_time": "1800000000",
            "result": "upgrade_success",
        }
    ]


def test_a_node_that_is_being_upgraded_says_so() -> None:
    """It is not RUNNING meanwhile, and a query by state knows that."""
    condition = FleetStatus(FLEET, upgrading={"n1"})
    assert [node["id"] for node in condition.select({"state": "UPGRADING"})] == ["n1"]
    assert "n1" not in str(condition.select({"state": "RUNNING"}))


def test_a_group_holds_its_nodes() -> None:
    """With all that is said about each."""
    view = FleetStatus(FLEET).group_view(DOCKS, "p")
    assert (view["id"], view["name"], view["project_id"]) == ("g1", "docks", "p")
    assert view["nodes"] == FleetStatus(FLEET).select({"group_id": "g1"})
