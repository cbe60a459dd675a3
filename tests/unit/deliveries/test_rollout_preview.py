"""What the function says that a rollout would be, and that it then is that."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handler.values.canonical_json import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.emulator.server import Emulator

    Fire = Callable[[object], dict[str, Any]]

STATES = ["running", "unconnected"]
SPEC = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {"select": {"name": "gateway-*", "state": STATES, "exclude": ["gateway-north-1"]}},
    "rollout": {"waves": [1, "100%"], "max_targets_per_job": 1, "soak": "10m"},
}
ADDRESS = "obs://nightdrop-drop/drop/nightly.yaml"


def planned(fire: Fire, spec: object = SPEC, **more: object) -> dict[str, Any]:
    """Return the only rollout that would be."""
    [rollout] = fire({"action": "plan", "spec": spec, **more})["plan"]["rollouts"]
    return dict(rollout)


def test_what_is_selected_and_skipped_is_counted(fire: Fire, emulator: Emulator) -> None:
    """The first nodes are named; nothing is recorded, nothing is sent."""
    rollout = planned(fire)
    assert (rollout["selected"], rollout["jobs"]) == (3, 3)
    assert sorted(rollout["names"]) == ["gateway-north-2", "gateway-south-1", "gateway-south-2"]
    assert rollout["skipped"] == [{"reason": "excluded", "nodes": 1}]
    assert rollout["select"] == ("running or unconnected, name gateway-*, without gateway-north-1")
    assert not emulator.state.all_jobs()


def test_each_wave_has_its_earliest_and_latest_times(fire: Fire) -> None:
    """A job may take IEF's ten minutes and the grace; the soak lies between the waves."""
    first, second = planned(fire)["waves"]
    assert [(one["wave"], one["nodes"], one["jobs"]) for one in (first, second)] == [
        *((1, 1, 1), (2, 2, 2))
    ]
    began = moment(first["earliest_start"])
    assert moment(first["latest_end"]) - began == timedelta(minutes=15)
    assert moment(second["earliest_start"]) - began == timedelta(minutes=10)
    assert moment(second["latest_end"]) - began == timedelta(minutes=15 + 10 + 15)


def test_a_rollout_then_has_the_name_that_was_said(fire: Fire) -> None:
    """That of a dropped file is known only once its event comes."""
    assert planned(fire, json.dumps(SPEC), object=ADDRESS)["name"] == "nightly-…"
    name = planned(fire)["name"]
    assert fire(SPEC)["rollouts"][0]["name"] == name


def test_a_rollout_that_was_run_before_says_how_it_stands(fire: Fire) -> None:
    """Without the jobs that it has."""
    [started] = fire(SPEC)["rollouts"]
    reply = fire({"action": "plan", "spec": SPEC})
    assert (reply["outcome"], reply["plan"]["repeated_jobs"]) == ("duplicate", [])
    [stands] = reply["plan"]["repeated_rollouts"]
    assert (stands["name"], stands["wave"]) == (started["name"], 1)


def test_a_selection_that_is_empty_is_rejected(fire: Fire) -> None:
    """As it would be when the spec comes; there is no wave to speak of."""
    nothing = {**SPEC, "targets": {"select": {"name": "x*"}}}
    reply = fire({"action": "plan", "spec": nothing})
    assert reply["outcome"] == "rejected"
    assert "selects nothing: none of 6 matches" in reply["errors"][0]
    assert reply["plan"]["rollouts"][0]["waves"] == []
