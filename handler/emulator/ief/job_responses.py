"""A job in the answers of CreateBatchJob, ListBatchJob and ShowBatchJob.

Fields as on the API's pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5

from handler.emulator.ief.job import last_change, status, task_progress
from handler.emulator.ief.job_run import FAILED, SUCCESSFUL, TIMED_OUT

if TYPE_CHECKING:
    from handler.emulator.ief.job import Job
    from handler.emulator.ief.job_run import Progress
    from handler.values.canonical_json import Json


def created_view(job: Job) -> dict[str, Json]:
    """Return the answer of CreateBatchJob."""
    return {"job_id": job.job_id, "job_name": job.name, "created_at": int(job.created)}


def listed_view(job: Job, now: float) -> dict[str, Json]:
    """Return a job as ListBatchJob lists it, without its tags.

    Args:
        job: The job.
        now: The current time, in seconds since 1970.
    """
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
    """Return a job as ShowBatchJob shows it, two counters swapped as in the page's example.

    Args:
        job: The job.
        now: The current time, in seconds since 1970.
    """
    listed = listed_view(job, now)
    return {
        **listed,
        "task_success_count": listed["task_failed_count"],
        "task_failed_count": listed["task_success_count"],
        "target_type": job.content.get("target_type", ""),
        "task_data": job.content.get("task_data", ""),
        "tasks": [_task(job, index, one) for index, one in task_progress(job, now).items()],
        "targets": [*job.targets],
    }


def _task(job: Job, index: int, progress: Progress) -> Json:
    task_id = uuid5(UUID(job.job_id), f"task-{index}")
    return {
        "task_id": str(task_id),
        "task_name": f"{job.name}-{task_id.hex[:5]}",
        "status": progress.status,
        "reason": progress.reason,
        "created_at": int(job.created),
        "target_id": job.targets[index].get("target_id"),
        "extension_info": _extension(job, str(task_id)),
    }


def _extension(job: Job, task_id: str) -> list[Json]:
    """Name the deployment that a task created or changed, as in the API page's example."""
    if job.kind == "node_upgrade":
        return []
    return [{"key": "deployment_id", "value": str(uuid5(NAMESPACE_OID, task_id))}]


def _count(progress: dict[int, Progress], *statuses: str) -> int:
    return sum(one.status in statuses for one in progress.values())
