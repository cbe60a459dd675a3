"""Deployments and their pods, which successful tasks of deployment jobs create and change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5
from zlib import crc32

from handler.emulator.ief.job import Job, task_progress
from handler.emulator.ief.run import FAILED, RUNNING, SUCCESSFUL, TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.emulator.ief.fleet import Fleet
    from handler.values.canonical_json import Json

PENDING = "PENDING"
"""The state of a pod that a task is changing."""

# The states of a pod, by the status of the task that changed it last.
_POD_STATES = {
    SUCCESSFUL: "RUNNING",
    RUNNING: PENDING,
    FAILED: "FAILED",
    TIMED_OUT: "FAILED",
}


@dataclass(frozen=True)
class DeploymentChange:
    """What one task did to a deployment: it created it, or changed it.

    Attributes:
        deployment_id: The deployment's id.
        at: When, in seconds since 1970.
        state: The state of its pods since then.
        reason: Why they are not running, or "".
        task_data: The job's task data, if it is in effect since then; otherwise "".
        name: The new deployment's name; "" if it existed.
        target_id: The id of the new deployment's node or group; "" if it existed.
    """

    deployment_id: str
    at: float
    state: str
    reason: str = ""
    task_data: str = ""
    name: str = ""
    target_id: str = ""

    @property
    def key(self) -> str:
        """The deployment's id."""
        return self.deployment_id


def task_names(job: Job) -> list[str]:
    """Return the names of a job's tasks: a deployment's name, where the task creates one."""
    prefix = _decoded(job.task_data).get("name_prex") or job.name
    return [f"{prefix}-{task_id[:5]}" for task_id in job.task_ids]


def deployment_id(job: Job, index: int) -> str:
    """Return the id of the deployment that a task creates or changes."""
    if job.kind == "deployment_upgrade":
        return job.target_id(index)
    return str(uuid5(NAMESPACE_OID, job.task_ids[index]))


def deployment_changes(job: Job, now: float) -> tuple[DeploymentChange, ...]:
    """Return what a job has done to deployments; a task that failed creates none."""
    if job.kind == "node_upgrade":
        return ()
    creates = job.kind == "deployment_deploy"
    names = task_names(job)
    return tuple(
        DeploymentChange(
            deployment_id(job, index),
            one.since,
            _POD_STATES[one.status],
            one.reason,
            job.task_data if one.status == SUCCESSFUL else "",
            names[index] if creates else "",
            job.target_id(index) if creates else "",
        )
        for index, one in task_progress(job, now).items()
        if one.status == SUCCESSFUL or (not creates and one.status in _POD_STATES)
    )


@dataclass(frozen=True)
class Deployments:
    """The deployments at one time.

    Attributes:
        fleet: The nodes that they run on.
        at: The time, in seconds of the fleet's time.
        changes: What was done to each, by its id.
        project_id: The project's id.
    """

    fleet: Fleet
    at: float
    changes: Mapping[str, tuple[DeploymentChange, ...]]
    project_id: str = ""

    def hosts(self) -> dict[str, str]:
        """Return the id of each deployment's node or group."""
        return {key: changes[0].target_id for key, changes in self.changes.items()}

    def select(self, parameters: Mapping[str, str]) -> list[str]:
        """Return the ids of the deployments that match all parameters of a query, the newest first.

        They are `name` (a part of it), `node_id`, `group_id` and `sort`.
        """
        name = parameters.get("name", "")
        target = parameters.get("node_id") or parameters.get("group_id") or ""
        found = [
            changes[0]
            for changes in self.changes.values()
            if changes[0].name and name in changes[0].name and target in {"", changes[0].target_id}
        ]
        newest_first = parameters.get("sort", "created_at:desc").endswith("desc")
        found.sort(key=lambda one: (one.at, one.name), reverse=newest_first)
        return [one.deployment_id for one in found]

    def view(self, key: str) -> dict[str, Json]:
        """Return a deployment as ListDeployments lists it."""
        created, *_ = changes = self.changes[key]
        data = next(one for one in reversed(changes) if one.task_data)
        envelope, deployment = _decoded(data.task_data), _deployment(data.task_data)
        is_group = self.fleet.group(created.target_id) is not None
        ready = sum(pod["state"] == "RUNNING" for pod in self.pods(key))
        return {
            "id": key,
            "name": created.name,
            "project_id": self.project_id,
            "api_version": "v3",
            "description": envelope.get("description", ""),
            "source": envelope.get("source", "userdefined"),
            "node_ids": [] if is_group else [created.target_id],
            "group_id": created.target_id if is_group else "",
            "replicas": deployment.get("replicas", 1),
            "ready_replicas": ready,
            "template": deployment.get("template", {}),
            "tags": _decoded(created.task_data).get("tags", []),
            "created_at": _time(created.at),
            "updated_at": _time(data.at),
        }

    def pods(self, key: str) -> list[dict[str, Json]]:
        """Return the pod of a deployment as ListPods lists it; none if no job has created it."""
        created, *_ = changes = self.changes[key]
        if not created.name:
            return []
        latest, node_id = changes[-1], self._node_id(created)
        node = self.fleet.node(node_id)
        data = next(one.task_data for one in reversed(changes) if one.task_data)
        template = _deployment(data).get("template")
        template = template if isinstance(template, dict) else {}
        is_away = bool(node and node.seconds_away(self.at))
        return [
            {
                "id": str(uuid5(UUID(key), "pod")),
                "name": f"{created.name}-{key[:5]}",
                "project_id": self.project_id,
                "deployment_id": key,
                "node_id": node_id,
                "configs": template.get("configs", {}),
                "containers": template.get("containers", []),
                "state": "UNKNOWN" if is_away else latest.state,
                "reason": latest.reason,
                "message": "",
                "created_at": _time(created.at),
            }
        ]

    def _node_id(self, created: DeploymentChange) -> str:
        """Return the id of the node that a deployment runs on: in a group, always the same one."""
        if self.fleet.group(created.target_id) is None:
            return created.target_id
        members = self.fleet.members(created.target_id)
        place = crc32(created.deployment_id.encode())
        return members[place % len(members)].node_id if members else ""

    def select_pods(self, parameters: Mapping[str, str]) -> list[dict[str, Json]]:
        """Return the pods of the deployments that a query names, or of those on a node or group."""
        ids = parameters.get("deployment_ids") or parameters.get("deployment_id")
        node_id, group_id = parameters.get("node_id"), parameters.get("group_id")
        keys = ids.split(",") if ids else self.select({"group_id": group_id or ""})
        found = [key for key in keys if key in self.changes]
        return [
            pod
            for key in found
            if node_id in {None, self._node_id(self.changes[key][0])}
            for pod in self.pods(key)
        ]


def _decoded(task_data: str) -> dict[str, Json]:
    value = json.loads(task_data or "{}")
    return value if isinstance(value, dict) else {}


def _deployment(task_data: str) -> dict[str, Json]:
    deployment = _decoded(task_data).get("deployment")
    return deployment if isinstance(deployment, dict) else {}


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
