"""Nodes, groups and jobs in the answers of IEF; fields as on the API's pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from handler.emulator.ief.deployments import deployment_id, task_names
from handler.emulator.ief.job import last_change, status, task_progress
from handler.emulator.ief.run import FAILED, SUCCESSFUL, TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from handler.emulator.ief.effects import Upgrade
    from handler.emulator.ief.fleet import Fleet, Group, Node
    from handler.emulator.ief.job import Job
    from handler.emulator.ief.run import Progress
    from handler.values.canonical_json import Json

_CREATED = "2026-02-03 04:05:06.789012 +0000 UTC"


@dataclass(frozen=True)
class FleetStatus:
    """The fleet at one time.

    Attributes:
        fleet: Its nodes, as the file describes them.
        at: The time, in seconds of the fleet's time.
        upgrades: The completed upgrades of each node, by its id.
        upgrading: The ids of the nodes that are being upgraded.
    """

    fleet: Fleet
    at: float = 0.0
    upgrades: Mapping[str, tuple[Upgrade, ...]] = field(default_factory=dict)
    upgrading: AbstractSet[str] = frozenset()

    def view(self, node: Node) -> dict[str, Json]:
        """Return a node as IEF shows it."""
        history = self._history(node)
        version = self.fleet.newest if history else node.version
        low = crc32(node.node_id.encode())
        return {
            "id": node.node_id,
            "name": node.name,
            "state": self._state(node),
            "arch": node.arch,
            "ief_node_version": version,
            "edged_version": version,
            "upgrade_flag": node.upgrade_flag and not history,
            "upgrade_history": [*history],
            "group_ids": [*node.groups],
            "tags": [{"key": key, "value": value} for key, value in node.tags],
            "attributes": [],
            "deployment_num": 0,
            "enable_gpu": False,
            "enable_npu": False,
            "host_ips": [f"127.1.{low >> 8 & 255}.{low & 255}"],
            "created_at": _CREATED,
        }

    def _history(self, node: Node) -> list[dict[str, Json]]:
        newest = self.fleet.newest
        return [
            {
                "from_version": newest if number else node.version,
                "to_version": newest,
                "upgrade_time": str(int(upgrade.at)),
                "result": "upgrade_success",
            }
            for number, upgrade in enumerate(self.upgrades.get(node.node_id, ()))
        ]

    def views(self) -> list[dict[str, Json]]:
        """Return all nodes as IEF shows them."""
        return [self.view(node) for node in self.fleet.nodes]

    def select(self, parameters: Mapping[str, str]) -> list[Node]:
        """Return the nodes that match all parameters of a query.

        They are `name` (a part of it), `state`, `tags` as `key.value` joined by commas, `group_id`.
        """
        wanted = {tag for tag in parameters.get("tags", "").split(",") if tag}
        name, state = parameters.get("name", ""), parameters.get("state", "")
        group = parameters.get("group_id", "")
        return [
            node
            for node in self.fleet.nodes
            if name in node.name
            and (not wanted or wanted <= {f"{key}.{value}" for key, value in node.tags})
            and (not group or group in node.groups)
            and (not state or state == self._state(node))
        ]

    def _state(self, node: Node) -> str:
        return "UPGRADING" if node.node_id in self.upgrading else node.state_at(self.at)

    def group_view(self, group: Group, project_id: str) -> dict[str, Json]:
        """Return a group as IEF shows it, with its nodes."""
        members = [self.view(node) for node in self.fleet.members(group.group_id)]
        return {
            "id": group.group_id,
            "name": group.name,
            "description": group.description,
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "project_id": project_id,
            "nodes": [*members],
            "deployments": [],
            "attributes": [],
            "tags": [],
        }


def created_view(job: Job) -> dict[str, Json]:
    """Return the answer of CreateBatchJob."""
    return {"job_id": job.job_id, "job_name": job.name, "created_at": int(job.created)}


def listed_view(job: Job, now: float) -> dict[str, Json]:
    """Return a job as ListBatchJob lists it, without its tags."""
    progress = task_progress(job, now)
    return {
        **created_view(job),
        "job_type": job.kind,
        "description": job.request.get("description", ""),
        "status": status(job, now),
        "task_total_count": len(progress),
        "task_success_count": _count(progress, SUCCESSFUL),
        "task_failed_count": _count(progress, FAILED, TIMED_OUT),
        "status_last_updated_at": int(last_change(job, now)),
    }


def shown_view(job: Job, now: float) -> dict[str, Json]:
    """Return a job as ShowBatchJob shows it, two counters swapped as in the page's example."""
    listed = listed_view(job, now)
    return {
        **listed,
        "task_success_count": listed["task_failed_count"],
        "task_failed_count": listed["task_success_count"],
        "target_type": job.content.get("target_type", ""),
        "task_data": job.content.get("task_data", ""),
        "tasks": _tasks(job, now),
        "targets": [*job.targets],
    }


def _tasks(job: Job, now: float) -> list[Json]:
    names = task_names(job)
    return [
        {
            "task_id": job.task_ids[index],
            "task_name": names[index],
            "status": one.status,
            "reason": one.reason,
            "created_at": int(job.created),
            "target_id": job.target_id(index),
            "extension_info": _extension(job, index),
        }
        for index, one in task_progress(job, now).items()
    ]


def _extension(job: Job, index: int) -> list[Json]:
    """Name the deployment that a task creates or changes, as in the API page's example."""
    if job.kind == "node_upgrade":
        return []
    return [{"key": "deployment_id", "value": deployment_id(job, index)}]


def _count(progress: dict[int, Progress], *statuses: str) -> int:
    return sum(one.status in statuses for one in progress.values())
