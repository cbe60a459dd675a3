"""Specs that name nodes by their names, planned against the emulated fleet."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.deliveries.decisions import SpecSource
from handler.deliveries.planning import order_of
from handler.emulator.ief.fleet import Fleet
from handler.errors import AccessPendingError, ApiError
from handler.invocation.instance import invocation_of, open_instance
from handler.local.runtime.context import Context
from handler.triggers.delivery import Delivery
from handler.triggers.event_parser import parse_event
from handler.values.canonical_json import timestamp, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handler.deliveries.decisions import Order
    from handler.emulator.server import Emulator
    from handler.values.canonical_json import Json

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
    assert "cannot be listed" in reply["errors"][0]
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


def planned(environ: Environ, select: str, kind: str = "node_upgrade") -> Order:
    """Return what a timer's spec asks for that selects its targets."""
    text = f"kind: {kind}\nname: hall\ntargets:\n  select: {select}\n"
    event: Json = {
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "time": "2026-11-26T01:00:00Z",
        "user_event": text,
    }
    deliveries = parse_event(event, eventgrid_keys="raw")
    assert isinstance(deliveries, tuple)
    (delivery,) = deliveries
    assert isinstance(delivery, Delivery)
    context = Context.from_environment(environ, "r", time.monotonic)
    with closing(open_instance(context, environ, lambda _line: None)) as instance:
        return order_of(delivery, SpecSource(text.encode(), {}), invocation_of(context, instance))


@pytest.mark.parametrize(
    ("select", "chosen", "skipped"),
    [
        ("{tags: {site: north}}", {"gateway-north-1", "gateway-north-2"}, {}),
        (
            "{group: docks, upgradable: true}",
            {"gateway-north-1", "gateway-north-2"},
            {"newest already": ["gateway-south-1"]},
        ),
        (
            "{name: gateway-south-*}",
            {"gateway-south-1"},
            {"offline": ["gateway-south-2"]},
        ),
    ],
)
def test_a_rollout_is_planned_for_the_nodes_that_are_selected(
    environ: Environ, select: str, chosen: set[str], skipped: dict[str, list[str]]
) -> None:
    """And it says what was skipped."""
    environ["NIGHTDROP_IEF_INSTANCE"] = "an-instance"
    (rollout,) = planned(environ, select).plan.rollouts
    assert {name for _, name in rollout.nodes} == chosen
    assert {why: [name for _, name in some] for why, some in rollout.skipped} == skipped


@pytest.mark.parametrize(
    ("select", "why"),
    [
        ("{name: west-*}", "selects nothing: none of 6 matches"),
        ("{name: gateway-south-2}", "selects nothing: of those that match, 1 offline"),
        ("{group: dock}", "no node group has the name or id dock; similar: docks"),
    ],
)
def test_a_selection_of_nothing_rejects_the_spec(environ: Environ, select: str, why: str) -> None:
    """On its line."""
    environ["NIGHTDROP_IEF_INSTANCE"] = "an-instance"
    (problem,) = planned(environ, select).unknown
    assert str(problem) == f"document 1, line 4, targets.select: {why}"


def test_the_professional_edition_has_no_groups(environ: Environ) -> None:
    """Nothing is asked for that would be refused."""
    (problem,) = planned(environ, "{group: docks}").unknown
    assert "has a group, which needs an enterprise instance" in str(problem)


def test_without_the_right_to_list_nodes_nothing_can_be_selected(
    emulator: Emulator, environ: Environ
) -> None:
    """A retry would not help."""
    failing(emulator, 403)
    (problem,) = planned(environ, "{name: gateway-*}").unknown
    assert "targets.select: cannot be resolved: what it names or selects cannot be listed" in str(
        problem
    )


def test_the_policy_judges_what_is_selected(environ: Environ, tmp_path: Path) -> None:
    """The names are those of the node list."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{node_names: [gateway-north-*]}]")
    environ["NIGHTDROP_POLICY"] = str(policy)
    assert not planned(environ, "{name: gateway-north-*}").policy.problems
    assert planned(environ, "{name: gateway-*}").policy.problems


def test_the_built_in_policy_judges_a_rollout_too(environ: Environ) -> None:
    """It is no plain upgrade, which needs no look at it."""
    assert planned(environ, "{name: gateway-*}").policy.rule == 1


def test_the_grace_of_the_operator_counts_when_a_window_is_judged(
    environ: Environ, fire_in: Callable[[Environ, object], Reply]
) -> None:
    """A rollout whose wave could never start is rejected, and does not wait for ever."""
    window = {"from": "01:00", "to": "01:20", "timezone": "UTC"}
    spec = {
        "kind": "node_upgrade",
        "name": "hall",
        "targets": {"nodes": [NORTH]},
        "window": window,
    }
    assert fire_in(environ, spec)["outcome"] == "submitted"
    refused = fire_in({**environ, "NIGHTDROP_JOB_GRACE": "15m"}, {**spec, "name": "gate"})
    assert refused["outcome"] == "rejected"
    assert "the window is open for 20 min" in refused["errors"][0]


def test_a_spec_waits_for_the_right_to_list_nodes_while_it_is_valid(
    emulator: Emulator, fire: Fire, tick: Callable[..., object]
) -> None:
    """The right may be granted in time, and a new role takes effect with a delay."""
    emulator.faults.set([{"operation": "ListEdgeNodes", "fault": "status", "status": 403}])
    with pytest.raises(AccessPendingError, match="such as ief:node:list; it is tried again"):
        fire(tick(UPGRADE.decode(), timestamp(utc_now())))
    emulator.faults.set([])
    assert fire({"action": "reconcile"})["outcome"] == "submitted"
