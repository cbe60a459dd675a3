"""What is said about a job as time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from handler.emulator.jobs import Job, listed_view, shown_view

if TYPE_CHECKING:
    from handler.canonical import Json

NONE: frozenset[str] = frozenset()


def job(kind: str = "node_upgrade") -> Job:
    """Build a job with two targets, created at 100.5, done at 102.5."""
    content: Json = {"target_type": "node", "targets": [{"target_id": "a"}, {"target_id": "b"}]}
    request: dict[str, Json] = {
        "job_name": "nightly",
        "job_type": kind,
        "job_content": content,
        "description": "any",
        "tags": [{"key": "site", "value": "north"}],
    }
    return Job(str(UUID(int=1)), 1, 100.5, 102.5, request)


def test_a_job_runs_until_its_time_is_over() -> None:
    """Its status follows the clock."""
    statuses = [listed_view(job(), now, NONE)["status"] for now in (100.5, 102.4, 102.5)]
    assert statuses == ["Running", "Running", "Successful"]


def test_the_list_counts_rightly() -> None:
    """Only Show swaps the counters."""
    view = listed_view(job(), 103, frozenset({"a"}))
    assert (view["task_success_count"], view["task_failed_count"]) == (1, 1)
    assert view["status"] == "Partially_successful"


def test_show_swaps_its_counters() -> None:
    """A job that succeeded shows as failed in them, as in the API's own example."""
    view = shown_view(job(), 103, NONE)
    assert (view["task_success_count"], view["task_failed_count"]) == (0, 2)
    assert view["status"] == "Successful"


def test_a_job_whose_tasks_all_fail_has_failed() -> None:
    """Each task says why."""
    view = shown_view(job(), 103, frozenset({"a", "b"}))
    tasks = view["tasks"]
    assert isinstance(tasks, list)
    assert view["status"] == "Failed"
    assert all(isinstance(task, dict) and task["reason"] for task in tasks)


def test_there_is_one_task_for_each_target() -> None:
    """In the order of the targets, with ids that stay."""
    first, again = shown_view(job(), 101, NONE)["tasks"], shown_view(job(), 103, NONE)["tasks"]
    assert isinstance(first, list)
    assert isinstance(again, list)
    assert [task["target_id"] for task in first if isinstance(task, dict)] == ["a", "b"]
    assert [task["task_id"] for task in first if isinstance(task, dict)] == [
        task["task_id"] for task in again if isinstance(task, dict)
    ]


def test_tasks_of_a_deployment_name_it() -> None:
    """A node upgrade has none to name."""
    deployed = shown_view(job("deployment_deploy"), 103, NONE)["tasks"]
    upgraded = shown_view(job(), 103, NONE)["tasks"]
    assert "deployment_id" in str(deployed)
    assert "deployment_id" not in str(upgraded)


def test_tags_are_in_no_view() -> None:
    """They are write-only; the description is returned."""
    for view in (listed_view(job(), 101, NONE), shown_view(job(), 101, NONE)):
        assert "tags" not in view
        assert view["description"] == "any"


def test_created_at_is_in_whole_seconds() -> None:
    """As in the API's example."""
    assert listed_view(job(), 101, NONE)["created_at"] == 100
