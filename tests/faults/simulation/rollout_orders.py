"""What a simulated run orders with rollouts: their targets, settings and windows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handler.errors import SpecRejectedError
from handler.parsing import Limits, read
from handler.specs.planner import make_plan
from handler.specs.selector import Inventory, resolve_selections
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from random import Random

    from handler.cloud.ief.fleet import EdgeNode
    from handler.values.canonical_json import Json

_ZONES = {"UTC": 0, "Asia/Shanghai": 8, "America/New_York": -5}
"""Time zones and their hours in the night of the runs."""


def drawn_document(random: Random, nodes: Mapping[str, EdgeNode], name: str) -> Json:
    """Return a valid document: a window in which a wave cannot end is left out."""
    one = {"kind": "node_upgrade", "name": name, **_targets(random, nodes)}
    rollout = _settings(random, len(nodes), "select" in one["targets"])
    whole = {**one, "rollout": rollout}
    if random.random() < 0.5:
        windowed = {**whole, "window": _window(random)}
        return windowed if _is_valid(windowed, nodes) else whole
    return whole


def _is_valid(document: Json, nodes: Mapping[str, EdgeNode]) -> bool:
    documents = read(json.dumps([document]).encode(), Limits())
    listed = list(nodes.values())
    try:
        selections = resolve_selections(documents, Inventory(lambda: listed, None, list))
    except SpecRejectedError:
        selections = {}
    try:
        make_plan("", documents, selections=selections)
    except SpecRejectedError:
        return False
    return True


def _targets(random: Random, nodes: Mapping[str, EdgeNode]) -> dict[str, Any]:
    if random.random() < 0.6:
        tags: dict[str, Any] = random.choice(({}, {}, {"tags": {"site": "north"}}))
        return (
            {"targets": {"select": {"name": "gw-*", **tags}}}
            if _has(nodes, tags)
            else {"targets": {"select": {"name": "gw-*"}}}
        )
    some = random.sample(list(nodes.values()), random.randint(1, len(nodes)))
    return {"targets": {"nodes": [{"id": one.id, "name": one.name} for one in some]}}


def _has(nodes: Mapping[str, EdgeNode], tags: Collection[str]) -> bool:
    running = [one for one in nodes.values() if one.state == "RUNNING"]
    return not tags or sum("site=north" in one.tags for one in running) > len(running) / 4


def _settings(random: Random, nodes: int, selects: bool) -> dict[str, Any]:  # noqa: FBT001 - one of three facts
    waves = sorted(random.sample(range(1, nodes + 1), min(nodes, random.choice((0, 1, 2, 3)))))
    shares: list[Any] = [str(one) for one in waves] or [random.choice(("20%", "50%"))]
    size = random.choice((1, 2, 5, 20))
    return {
        "waves": [*shares, "100%"],
        "max_targets_per_job": max(size, nodes // 12),
        "max_parallel_jobs": random.choice((1, 2, 4)),
        **random.choice(({}, {"max_failed": "0"}, {"max_failed": "2"}, {"max_failed": "10%"})),
        "min_finished": random.choice((1, 5, 10)),
        **random.choice(({}, {"soak": "5m"}, {"soak": "30m"})),
        "on_breach": random.choice(("pause", "pause", "stop")),
        "running_jobs": random.choice(("finish", "pause")),
        "retry": random.choice((0, 0, 1, 2)),
        "approve_before": random.choice(([], [], [], [1], [2], [1, len(shares) + 1])),
        "when_busy": random.choice(("wait", "wait", "skip")),
        "late_joiners": random.choice(("ignore", "include")) if selects else "ignore",
    }


def _window(random: Random) -> dict[str, Any]:
    """Return a window that opens and closes in the hours around the run's beginning."""
    zone = random.choice(list(_ZONES))
    begin = EPOCH + timedelta(hours=_ZONES[zone], minutes=random.randint(-180, 120))
    end = begin + timedelta(minutes=random.choice((40, 60, 90, 180, 300)))
    more = random.choice(
        ({}, {}, {"except": ["2026-11-24"]}, {"days": ["mon", "tue", "fri", "sun"]})
    )
    return {"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}", "timezone": zone, **more}
