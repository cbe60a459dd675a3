"""The pods of the deployments that a job created or changed: whether they run, where that is shown.

IEF may call a task successful whose container then fails, such as for an image that cannot be
started. Source: support.huaweicloud.com/api-ief, "Pod management"
(`/v3/{project_id}/edgemgr/pods`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.answers import id_of, job_status_of
from handler.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handler.cloud.ief.client import Ief, ShownJob

_FAILED_STATES = frozenset({"FAILED", "CREATE_FAIL"})
"""A pod in another state runs, may still come, or is on a node that is away."""

_AT_ONCE = 50
_MOST = "100"
_SUCCESSFUL = "Successful"


def with_pods(shown: ShownJob, ief: Ief) -> ShownJob:
    """Return a job whose successful tasks count as failed where a pod of theirs has failed.

    The job is returned as it is if the pods cannot be listed: the right to see them may be missing.
    """
    pairs = zip(shown.tasks, shown.deployments, strict=False)
    ids = [one for (status, _), one in pairs if status == _SUCCESSFUL and one]
    try:
        failed = dict(_failed_pods(ids, ief))
    except CloudError:
        return shown
    tasks = (
        ("Failed", f"its pod is {failed[deployment]}") if deployment in failed else task
        for task, deployment in zip(shown.tasks, shown.deployments, strict=False)
    )
    return shown._replace(tasks=tuple(tasks)) if failed else shown


def _failed_pods(ids: Sequence[str], ief: Ief) -> Iterator[tuple[str, str]]:
    """Yield the ids of deployments with a failed pod, and its state."""
    for begin in range(0, len(ids), _AT_ONCE):
        query = [("deployment_ids", ",".join(ids[begin : begin + _AT_ONCE])), ("limit", _MOST)]
        listed = ief.get("edgemgr/pods", query, version="v3").get("pods")
        for pod in listed if isinstance(listed, list) else ():
            state = job_status_of(pod, "state") if isinstance(pod, dict) else ""
            if isinstance(pod, dict) and state in _FAILED_STATES:
                yield id_of(pod, "deployment_id"), state
