"""Pods of a job's deployments: which successful tasks count as failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from handler.cloud.ief.client import ShownJob
from handler.cloud.ief.pods import with_pods
from handler.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.cloud.ief.client import Ief

SHOWN = ShownJob(
    "job",
    "Successful",
    (("Successful", ""), ("Failed", "no memory"), ("Successful", "")),
    deployments=("d-1", "d-2", "d-3"),
)


class Listed:
    """A client that lists some pods, and keeps what it was asked for."""

    def __init__(self, pods: Any) -> None:  # noqa: ANN401 - any JSON, or an error
        self.pods = pods
        self.asked: list[str] = []

    def get(self, _resource: str, query: Sequence[tuple[str, str]], *, version: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the pods."""
        self.asked.append(f"{version} {dict(query)['deployment_ids']}")
        if isinstance(self.pods, Exception):
            raise self.pods
        return {"pods": self.pods}


def seen(pods: Any, shown: ShownJob = SHOWN) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - any JSON
    """Return the tasks of a job after a look at some pods."""
    return with_pods(shown, cast("Ief", Listed(pods))).tasks


@pytest.mark.parametrize("state", ["FAILED", "CREATE_FAIL"])
def test_a_successful_task_with_a_failed_pod_failed(state: str) -> None:
    """The reason says what became of the pod."""
    tasks = seen([{"deployment_id": "d-3", "state": state}])
    assert tasks == (*SHOWN.tasks[:2], ("Failed", f"its pod is {state}"))


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "UNKNOWN", "TERMINATING", "NEW", 7, None])
def test_a_pod_in_any_other_state_is_no_failure(state: object) -> None:
    """It runs, may still come, or its node is away."""
    assert seen([{"deployment_id": "d-1", "state": state}]) == SHOWN.tasks


@pytest.mark.parametrize("pods", [ApiError("no", status=403), None, {}, ["x"], [{}]])
def test_without_a_list_of_pods_the_tasks_count_as_they_are(pods: object) -> None:
    """The right to list them may be missing."""
    assert seen(pods) == SHOWN.tasks


def test_only_deployments_of_successful_tasks_are_asked_for() -> None:
    """All of them at once; without any, nothing is asked."""
    client = Listed([])
    with_pods(SHOWN, cast("Ief", client))
    with_pods(SHOWN._replace(deployments=("", "", "")), cast("Ief", client))
    assert client.asked == ["v3 d-1,d-3"]


def test_a_pod_without_an_id_is_of_no_task() -> None:
    """Nor of one that names no deployment."""
    shown = SHOWN._replace(deployments=("d-1", "d-2", ""))
    assert seen([{"state": "FAILED"}, {"deployment_id": 7.5, "state": "FAILED"}], shown) == (
        SHOWN.tasks
    )


def test_a_task_that_failed_keeps_its_reason() -> None:
    """Also if pods are listed that nobody asked for."""
    assert seen([{"deployment_id": "d-2", "state": "FAILED"}]) == SHOWN.tasks
