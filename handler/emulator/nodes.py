"""The edge nodes of the emulated project, and ListEdgeNodes' way to select some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.canonical import Json


def _node(number: int, name: str, state: str, version: str, site: str) -> dict[str, Json]:
    return {
        "id": f"5d0f3c1e-0000-4000-8000-{number:012d}",
        "name": name,
        "state": state,
        "arch": "x86_64",
        "ief_node_version": version,
        "edged_version": version,
        "upgrade_flag": version != "2.56.0",
        "upgrade_history": [],
        "group_ids": [],
        "tags": [{"key": "site", "value": site}],
        "attributes": [],
        "deployment_num": 0,
        "enable_gpu": False,
        "enable_npu": False,
        "host_ips": [f"127.0.1.{number}"],
        "created_at": "2026-02-03 04:05:06.789012 +0000 UTC",
    }


NODES = (
    _node(1, "gate-north-1", "RUNNING", "2.53.0", "north"),
    _node(2, "gate-north-2", "RUNNING", "2.56.0", "north"),
    _node(3, "gate-south-1", "RUNNING", "2.53.0", "south"),
    _node(4, "gate-south-2", "UNCONNECTED", "2.51.2", "south"),
)
"""Four nodes: two that need an upgrade, one that is current, one that is out of reach."""


def select_nodes(parameters: Mapping[str, str]) -> list[dict[str, Json]]:
    """Return the nodes that a query's `name` (a part of it), `state` and `tags` select."""
    wanted = [tag for tag in parameters.get("tags", "").split(",") if tag]
    return [
        node
        for node in NODES
        if parameters.get("name", "") in str(node["name"])
        and parameters.get("state", "") in {"", node["state"]}
        and all(tag in _tags_of(node) for tag in wanted)
    ]


def _tags_of(node: dict[str, Json]) -> list[str]:
    tags = node["tags"]
    if not isinstance(tags, list):
        return []
    return [f"{tag['key']}.{tag['value']}" for tag in tags if isinstance(tag, dict)]
