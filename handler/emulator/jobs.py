"""A batch job, and what IEF's List and Show say about it at a given time.

Fields and statuses as on the API's pages for ListBatchJob and ShowBatchJob.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from handler.canonical import Json

FAILURE_REASON = "the edge node did not answer"


@dataclass(frozen=True)
class Job:
    """One batch job as it was accepted.

    Attributes:
        job_id: The id the service gave it.
        number: Its place in the order of creation, from 1.
        created: When it was created, in seconds since 1970.
        done: When its tasks end, likewise.
        request: The body that created it, exactly as received.
    """

    job_id: str
    number: int
    created: float
    done: float
    request: dict[str, Json]

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.request["job_name"])

    @property
    def kind(self) -> str:
        """The job's type."""
        return str(self.request["job_type"])


def created_view(job: Job) -> dict[str, Json]:
    """Return what CreateBatchJob answers."""
    return {"job_id": job.job_id, "job_name": job.name, "created_at": int(job.created)}


def listed_view(job: Job, now: float, failing: AbstractSet[str]) -> dict[str, Json]:
    """Return what ListBatchJob says; tags are not part of it.

    Args:
        job: The job.
        now: The time to look at it, in seconds since 1970.
        failing: Ids of targets whose tasks fail.
    """
    tasks = _tasks(job, now, failing)
    return {
        **created_view(job),
        "job_type": job.kind,
        "description": job.request.get("description", ""),
        "status": _job_status(tasks),
        "task_total_count": len(tasks),
        "task_success_count": _count(tasks, "Successful"),
        "task_failed_count": _count(tasks, "Failed"),
        "status_last_updated_at": int(job.done if now >= job.done else job.created),
    }


def shown_view(job: Job, now: float, failing: AbstractSet[str]) -> dict[str, Json]:
    """Return what ShowBatchJob says, its two counters swapped as in the API's own example.

    Args:
        job: The job.
        now: The time to look at it, in seconds since 1970.
        failing: Ids of targets whose tasks fail.
    """
    tasks = _tasks(job, now, failing)
    content = _content(job)
    return {
        **listed_view(job, now, failing),
        "task_success_count": _count(tasks, "Failed"),
        "task_failed_count": _count(tasks, "Successful"),
        "target_type": content.get("target_type", ""),
        "task_data": content.get("task_data", ""),
        "tasks": [*tasks],
        "targets": [*_targets(job)],
    }


def _content(job: Job) -> dict[str, Json]:
    content = job.request.get("job_content")
    return content if isinstance(content, dict) else {}


def _targets(job: Job) -> list[dict[str, Json]]:
    targets = _content(job).get("targets")
    return [one for one in targets if isinstance(one, dict)] if isinstance(targets, list) else []


def _tasks(job: Job, now: float, failing: AbstractSet[str]) -> list[dict[str, Json]]:
    tasks: list[dict[str, Json]] = []
    for place, target in enumerate(_targets(job)):
        failed = target.get("target_id") in failing and now >= job.done
        task_id = uuid5(UUID(job.job_id), f"task-{place}")
        tasks.append(
            {
                "task_id": str(task_id),
                "task_name": f"{job.name}-{task_id.hex[:5]}",
                "status": "Failed" if failed else "Successful" if now >= job.done else "Running",
                "reason": FAILURE_REASON if failed else "",
                "created_at": int(job.created),
                "target_id": target.get("target_id"),
                "extension_info": _extension(job, str(task_id)),
            }
        )
    return tasks


def _extension(job: Job, task_id: str) -> list[Json]:
    """Name the deployment a task made or changed, as the API's Show example does."""
    if job.kind == "node_upgrade":
        return []
    return [{"key": "deployment_id", "value": str(uuid5(NAMESPACE_OID, task_id))}]


def _count(tasks: list[dict[str, Json]], status: str) -> int:
    return sum(task["status"] == status for task in tasks)


def _job_status(tasks: list[dict[str, Json]]) -> str:
    """Sum up the tasks; a job without any is done at once."""
    if _count(tasks, "Running"):
        return "Running"
    failed = _count(tasks, "Failed")
    if not failed:
        return "Successful"
    return "Failed" if failed == len(tasks) else "Partially_successful"
