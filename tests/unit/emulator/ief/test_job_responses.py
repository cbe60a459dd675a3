"""What is said about a job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from handler.emulator.ief.job import Job, started
from handler.emulator.ief.job_responses import listed_view, shown_view
from handler.emulator.ief.job_simulation import JobSimulation

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


def job(kind: str = "node_upgrade", failing: frozenset[str] = frozenset()) -> Job:
    """Build a job with two targets, created at 100.5, done by 102.5."""
    content: Json = {"target_type": "node", "targets": [{"target_id": "a"}, {"target_id": "b"}]}
    request: dict[str, Json] = {
        "job_name": "nightly",
        "job_type": kind,
        "job_content": content,
        "description": "any",
        "tags": [{"key": "site", "value": "north"}],
    }
    return started(Job(str(UUID(int=1)), 1, 100.5, request), JobSimulation(), failing)


def task_progress(one: Job, now: float = 103) -> list[dict[str, Json]]:
    """Return the tasks that Show lists."""
    shown = shown_view(one, now)["tasks"]
    assert isinstance(shown, list)
    return [task for task in shown if isinstance(task, dict)]


def test_the_list_counts_rightly() -> None:
    """Only Show swaps the counters."""
    view = listed_view(job(failing=frozenset("a")), 103)
    assert (view["task_total_count"], view["task_success_count"]) == (2, 1)
    assert view["task_failed_count"] == 1
    assert view["status"] == "Partially_successful"


def test_show_swaps_its_counters() -> None:
    """A job that succeeded shows as failed in them, as in the API's own example."""
    view = shown_view(job(), 103)
    assert (view["task_success_count"], view["task_failed_count"]) == (0, 2)
    assert view["status"] == "Successful"


def test_a_task_that_failed_says_why() -> None:
    """And one that did not has an empty reason."""
    reasons = [task["reason"] for task in task_progress(job(failing=frozenset("a")))]
    assert reasons == ["the edge node did not answer", ""]


def test_there_is_one_task_for_each_target() -> None:
    """In the order of the targets, with ids that stay."""
    first, again = task_progress(job(), 100.5), task_progress(job())
    assert [task["target_id"] for task in first] == ["a", "b"]
    assert [task["task_id"] for task in first] == [task["task_id"] for task in again]


def test_tasks_of_a_deployment_name_it() -> None:
    """A node upgrade has none to name."""
    assert "deployment_id" in str(task_progress(job("deployment_deploy")))
    assert "deployment_id" not in str(task_progress(job()))


def test_tags_are_in_no_view() -> None:
    """They are write-only; the description is returned."""
    for view in (listed_view(job(), 101), shown_view(job(), 101)):
        assert "tags" not in view
        assert view["description"] == "any"


def test_created_at_is_in_whole_seconds() -> None:
    """As in the API's example."""
    assert listed_view(job(), 101)["created_at"] == 100
