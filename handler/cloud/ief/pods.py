"""The pods of the deployments that a job created or changed: whether they run, where that is shown.

IEF may call a task successful whose container then fails, such as for an image that cannot be
started. Source: support.huaweicloud.com/api-ief, "Pod management"
(`/v3/{project_id}/edgemgr/pods`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.cloud.ief.answers import id_of, status_word_of
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
    succeeded = [
        one if status == _SUCCESSFUL else ""
        for (status, _), one in zip(shown.tasks, shown.deployments, strict=True)
    ]
    try:
        failed = dict(_failed_pods(list(filter(None, succeeded)), ief))
    except CloudError:
        return shown
    tasks = (
        ("Failed", f"its pod is {failed[one]}") if one and one in failed else task
        for task, one in zip(shown.tasks, succeeded, strict=True)
    )
    return shown._replace(tasks=tuple(tasks))


def _failed_pods(ids: Sequence[str], ief: Ief) -> Iterator[tuple[str, str]]:
    """Yield the ids of deployments with a failed pod, and its state."""
    for begin in range(0, len(ids), _AT_ONCE):
        query = [("deployment_ids", ",".join(ids[begin : begin + _AT_ONCE])), ("limit", _MOST)]
        listed = ief.get("edgemgr/pods", query, version="v3").get("pods")
        for pod in listed if isinstance(listed, list) else ():
            state = status_word_of(pod, "state") if isinstance(pod, dict) else ""
            if isinstance(pod, dict) and state in _FAILED_STATES:
                yield id_of(pod, "deployment_id"), state
