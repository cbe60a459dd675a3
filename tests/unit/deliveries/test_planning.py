"""Specs that name nodes by their names, planned against the emulated fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.emulator.ief.fleet import Fleet
from handler.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.emulator.server import Emulator

    Environ = dict[str, str]
    Reply = dict[str, Any]
    Fire = Callable[[object], Reply]
    Drop = Callable[..., Any]
    Recorded = Callable[[], list[Reply]]

NORTH = "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"
UPGRADE = b"kind: node_upgrade\nname: hall\ntargets:\n  nodes: [gateway-north-1]\n"

SIMILAR = (
    "document 1, line 4, targets.nodes[0]: no node has the name or id gateway-north-7; similar: "
    "gateway-north-2, gateway-north-1, gateway-south-2"
)


def lists(emulator: Emulator) -> int:
    """Return how often the nodes were listed."""
    return sum(one.operation == "ListEdgeNodes" for one in emulator.state.requests)


def failing(emulator: Emulator, status: int) -> None:
    """Make the next list of nodes fail."""
    fault = {"operation": "ListEdgeNodes", "fault": "status"}
    emulator.faults.set([{**fault, "status": status, "times": 1}])


def test_a_node_named_by_its_name_gets_the_job_and_its_id_is_recorded(
    emulator: Emulator, fire: Fire, drop: Drop, recorded: Recorded
) -> None:
    """The API gets the id, people both."""
    assert fire(drop("drop/hall.yaml", UPGRADE))["outcome"] == "submitted"
    (job,) = emulator.state.all_jobs()
    assert job.targets == [
        {"target_id": NORTH, "extension_info": [{"key": "node_name", "value": "gateway-north-1"}]},
    ]
    planned = next(one for one in recorded() if one["action"] == "job.planned")
    assert planned["job"]["nodes"] == f"gateway-north-1={NORTH}"


def test_an_unknown_name_rejects_the_file_with_its_line(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Nothing is sent, and the near misses are named."""
    reply = fire(drop("drop/hall.yaml", UPGRADE.replace(b"north-1", b"north-7")))
    assert (reply["outcome"], reply["errors"]) == (
        "rejected",
        [SIMILAR],
    )
    assert not emulator.state.all_jobs()


def test_ids_cost_no_look_up(emulator: Emulator, fire: Fire, drop: Drop) -> None:
    """A spec with ids needs no right to list nodes, and no request."""
    fire(drop("drop/hall.yaml", UPGRADE.replace(b"gateway-north-1", NORTH.encode())))
    assert lists(emulator) == 0


def test_a_list_that_fails_for_now_is_raised_and_the_delivery_starts_over(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """Nothing is promised yet: the platform delivers the event again."""
    event = drop("drop/hall.yaml", UPGRADE)
    failing(emulator, 503)
    with pytest.raises(ApiError):
        fire(event)
    assert fire(event)["outcome"] == "submitted"


def test_without_the_right_to_list_nodes_a_name_is_an_error_that_says_so(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """With what to write instead; a retry would not help."""
    failing(emulator, 403)
    reply = fire(drop("drop/hall.yaml", UPGRADE))
    assert reply["outcome"] == "rejected"
    assert "the nodes cannot be listed" in reply["errors"][0]
    assert "give the node's id" in reply["errors"][0]


def test_the_same_file_again_is_a_duplicate_although_its_nodes_are_gone(
    emulator: Emulator, fire: Fire, drop: Drop
) -> None:
    """The bytes decide: what was run under a name is not run again, nor rejected."""
    fire(drop("drop/hall.yaml", UPGRADE))
    emulator.state.simulation = replace(emulator.state.simulation, fleet=Fleet())
    assert fire(drop("drop/hall.yaml", UPGRADE))["outcome"] == "duplicate"
    assert len(emulator.state.all_jobs()) == 1


@pytest.mark.parametrize(
    ("rule", "node", "refused"),
    [
        ("node_names: [gateway-north-*]", "gateway-north-1", ""),
        ("node_names: [gateway-south-*]", "gateway-north-1", "a node whose name is not listed"),
        ("node_names: []", "gateway-north-1", "a node whose name is not listed"),
        ("node_names: [gateway-north-*]", NORTH, "a node by its id: names are listed"),
        ("{node_names: [], nodes: [ID]}", NORTH, ""),
        ("{node_names: [], nodes: [ID]}", "gateway-north-1", ""),
        ("nodes: [ID]", "gateway-north-1", ""),
        ("nodes: [gateway-north-1]", "gateway-north-1", "a node that is not listed"),
        (
            "node_names: [gateway-north-*]",
            "{id: ID, name: gateway-north-1}",
            "a node by its id: names are listed",
        ),
    ],
)
def test_a_rule_may_list_names_which_are_those_of_the_node_list(  # noqa: PLR0913, PLR0917 - fixtures
    environ: Environ, tmp_path: Path, fire: Fire, drop: Drop, rule: str, node: str, refused: str
) -> None:
    """A name that the author of a spec wrote beside an id counts for nothing."""
    policy = tmp_path / "policy.yaml"
    rule, node = rule.replace("ID", NORTH), node.replace("ID", NORTH)
    policy.write_text(f"rules: [{rule}]" if rule[0] == "{" else f"rules: [{{{rule}}}]")
    environ["NIGHTDROP_POLICY"] = str(policy)
    spec = f"kind: node_upgrade\nname: hall\ntargets: {{nodes: [{node}]}}\n"
    reply = fire(drop("drop/hall.yaml", spec.encode()))
    assert reply["outcome"] == ("rejected" if refused else "submitted"), reply
    assert refused in "".join(reply["errors"])
