"""How a job ended on the fleet, in the one word that people are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handler.audit.job_end import FAILED, WRONG, failure_sentence, shown_state, went_wrong
from handler.audit.job_state import JobState

if TYPE_CHECKING:
    from handler.audit.sql.sqlite import SqliteLog

JOB = JobState("j" * 52, "d" * 52, 1, "nightly", "node_upgrade", "created", job_id="id")


def ended(finished: str, succeeded: int = 0, tasks: int = 3) -> JobState:
    """Return a job that ended on the fleet."""
    return JOB._replace(finished=finished, succeeded=succeeded, tasks=tasks, note="no disk")


@pytest.mark.parametrize(
    ("finished", "succeeded", "shown"),
    [
        ("Successful", 3, "succeeded"),
        ("Partially_successful", 1, "partly failed"),
        ("Failed", 0, "failed"),
        ("Stopped", 0, "failed"),
        ("Stopped", 2, "partly failed"),
        ("Timed_out", 0, "failed"),
        ("Timed_out", 1, "partly failed"),
        ("deleted", 0, "deleted"),
        ("Running", 1, "end unknown"),
        ("unknown", 0, "end unknown"),
        ("Something_new", 3, "end unknown"),
    ],
)
def test_the_end_on_the_fleet_is_shown(finished: str, succeeded: int, shown: str) -> None:
    """Whatever the API calls it, and whether it was created or adopted."""
    job = ended(finished, succeeded)
    assert shown_state(job) == shown
    assert shown_state(job._replace(state="adopted")) == shown


@pytest.mark.parametrize("state", ["planned", "sending", "created", "refused", "unknown"])
def test_until_the_end_is_known_the_state_is_shown(state: str) -> None:
    """No more is known yet."""
    assert shown_state(JOB._replace(state=state)) == state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("finished", "wrong"),
    [("Successful", False), ("deleted", False), ("Failed", True), ("unknown", True), ("", False)],
)
def test_a_failed_job_needs_attention(finished: str, *, wrong: bool) -> None:
    """A deleted or running job needs none."""
    assert went_wrong(ended(finished)) == wrong
    assert FAILED < WRONG


def test_a_failed_job_has_a_sentence_with_its_counts_and_reasons() -> None:
    """So that the operator need not look on the fleet first."""
    assert failure_sentence(ended("Failed")) == (
        "job nightly failed on the fleet, 0 of 3 tasks succeeded: no disk"
    )
    assert failure_sentence(ended("unknown", tasks=0)) == (
        "job nightly has no known end on the fleet: no disk"
    )
    assert (
        failure_sentence(JOB._replace(state="refused", note="no")) == "job nightly was refused: no"
    )
    assert failure_sentence(JOB._replace(state="duplicated", note="twice")) == "job nightly: twice"


def test_the_view_for_people_shows_the_end(log: SqliteLog) -> None:
    """With the counts beside it."""
    columns = [row[0] for row in log.read(lambda view: view.execute(COLUMNS))]  # type: ignore[attr-defined]
    assert {"state", "finished", "tasks", "succeeded"} <= set(columns)


COLUMNS = "SELECT name FROM pragma_table_info('job_story')"
