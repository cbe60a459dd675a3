"""A spec in each form that has every field there is, and a walk over its leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing import Path
    from handler.values.canonical_json import Json

_CONDITION = {"key": "zone", "operator": "In", "values": ["1.10"]}
_PODS = {
    "labelSelector": {"matchExpressions": [_CONDITION], "matchLabels": {"app": "1"}},
    "namespaces": ["default"],
    "topologyKey": "zone",
}
_PODS_WANTED = {
    "preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": _PODS, "weight": 1}],
    "requiredDuringSchedulingIgnoredDuringExecution": [_PODS],
}
_PROBE = {
    "exec": {"command": "true"},
    "http_get": {"path": "/up", "port": 80, "host": "127.0.0.1", "scheme": "HTTP"},
    "initial_delay_seconds": 5,
    "timeout_seconds": 2,
}
_CONTAINER = {
    "name": "reader",
    "image_url": "registry.example.com/dock/reader:1.10",
    "version": "1.10",
    "args": ["3.10"],
    "command": ["run"],
    "resources": {"limits": {"cpu": "0.50"}, "requests": {"memory": "256"}},
    "envs": [
        {"name": "A", "value": "1e3"},
        {"name": "B", "value_from": {"secret": {"name": "s", "key": "k"}}},
        {"name": "C", "value_from": {"configmap": {"name": "s", "key": "k"}}},
        {"name": "D", "field_path": "status.hostIP"},
    ],
    "ports": [
        {
            "container_port": 80,
            "host_port": 8080,
            "host_ip": "10.0.0.1",
            "host_port_range": {"min_port": 1, "max_port": 2},
        }
    ],
    "privileged": False,
    "run_as_user": 1000,
    "readiness_probe": _PROBE,
    "liveness_probe": _PROBE,
    "volumes": [
        {
            "name": "data",
            "type": "hostPath",
            "source": "/srv",
            "destination": "/data",
            "read_only": True,
            "default_mode": 420,
        }
    ],
    "npu_type": "D310",
}
ENVELOPE: dict[str, Any] = {
    "deployment": {
        "replicas": 1,
        "template": {
            "configs": {
                "restart_policy": "Always",
                "host_network": False,
                "host_pid": False,
                "migration": True,
                "toleration_seconds": 300,
                "dns_policy": "Default",
            },
            "containers": [_CONTAINER],
            "init_containers": [_CONTAINER],
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"preference": {"matchExpressions": [_CONDITION]}, "weight": 100}
                    ],
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [_CONDITION]}]
                    },
                },
                "podAffinity": _PODS_WANTED,
                "podAntiAffinity": _PODS_WANTED,
            },
        },
        "annotations": {"ring_controller": "ascend-1980", "autonomy_edge_selector": "g"},
    },
    "name": "reader",
    "name_prex": "reader",
    "description": "reads",
    "source": "userdefined",
    "node_ids": ["n1"],
    "group_id": "g1",
    "tags": [{"key": "stage", "value": "1.10"}],
}
JOB: dict[str, Any] = {
    "kind": "deployment_deploy",
    "name": "reader",
    "description": "reads",
    "targets": {"nodes": [{"id": "n1", "name": "gate"}, "n2"]},
    "deployment": ENVELOPE,
    "tags": {"stage": "1.10"},
    "serial": "1.10",
    "valid_for": "4h",
}
ROLLOUT: dict[str, Any] = {
    "kind": "node_upgrade",
    "name": "nightly",
    "targets": {
        "select": {
            "tags": {"site": "1.10"},
            "state": ["running", "upgrading"],
            "name": "gw-*",
            "group": "halls",
            "upgradable": True,
            "exclude": ["gw-13"],
            "limit": 500,
        }
    },
    "rollout": {
        "waves": ["1", "5%", "100%"],
        "max_targets_per_job": 20,
        "max_parallel_jobs": 3,
        "max_failed": "2%",
        "min_finished": 10,
        "soak": "30m",
        "on_breach": "stop",
        "running_jobs": "pause",
        "retry": 1,
        "approve_before": [2],
        "when_busy": "skip",
        "late_joiners": "include",
    },
    "window": {
        "days": ["mon", "sun"],
        "from": "01:00",
        "to": "05:00",
        "timezone": "Asia/Shanghai",
        "except": ["2026-12-24"],
    },
}
BODY: dict[str, Any] = {
    "job_name": "reader",
    "job_type": "deployment_deploy",
    "job_content": {
        "target_type": "node",
        "targets": [{"target_id": "n1", "extension_info": [{"key": "node_name", "value": "gate"}]}],
        "task_data": json.dumps(ENVELOPE),
    },
    "description": "reads",
    "tags": [{"key": "stage", "value": "1.10"}],
}


def leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield each scalar with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, (*path, place))
    else:
        yield path, value


def with_leaf(value: dict[str, Any], path: Path, leaf: Json) -> dict[str, Any]:
    """Return a copy with another scalar at a path."""
    changed: Any = json.loads(json.dumps(value))  # shares no parts, unlike a deep copy
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = leaf
    whole: dict[str, Any] = changed
    return whole
