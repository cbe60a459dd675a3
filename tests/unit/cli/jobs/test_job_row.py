"""A job as a row: the log's part, and IEF's while it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from handler.audit.job_state import JobState
from handler.cli.jobs.job_row import (
    STATES,
    Progress,
    progress_listed,
    progress_shown,
    row_for_table,
    shown_job,
    state_word,
)
from handler.cloud.ief.client import ListedJob, ShownJob

RUNNING = JobState("k" * 52, "d", 1, "nightly", "node_upgrade", "created", job_id="id-1")
NEEDED_FOR_IEF = ("pydantic", "urllib3", "huaweicloudsdkcore", "sqlite_utils")


@pytest.mark.parametrize(
    ("job", "status", "word"),
    [
        (RUNNING, "Running", "running"),
        (RUNNING, "Waiting", "waiting"),
        (RUNNING, "Successful", "succeeded"),
        (RUNNING, "Timed_out", "partly failed"),
        (RUNNING, "", "created"),
        (RUNNING._replace(paused=True), "Stopping", "paused"),
        (RUNNING._replace(operation="pause"), "Running", "pausing"),
        (RUNNING._replace(operation="delete", finished="Failed"), "Failed", "deleting"),
        (RUNNING._replace(finished="deleted"), "Running", "deleted"),
        (RUNNING._replace(state="deferred"), "", "deferred"),
    ],
)
def test_a_job_has_one_word(job: JobState, status: str, word: str) -> None:
    """What is being done to it, else IEF's status while it runs, else the log's."""
    assert state_word(job, Progress(status, 2, 1, 0)) == word
    assert word in STATES


def test_progress_is_counted_from_the_list_or_from_the_tasks() -> None:
    """Show's own counters are swapped."""
    listed = ListedJob("id-1", "n", "t", "", 0, "Running", tasks=5, succeeded=2, failed=1)
    tasks = [("Successful", "")] * 2 + [("Timed_out", "")] + [("Running", "")] * 2
    shown = ShownJob("id-1", "Running", tuple(tasks))
    assert progress_listed(listed) == progress_shown(shown) == Progress("Running", 5, 2, 1)
    assert str(progress_shown(shown)) == "2 of 5, 1 failed"
    assert str(Progress("Waiting", 0, 0, 0)) == ""


def test_a_row_has_everything_and_the_table_what_fits() -> None:
    """Times to the second, and the first line of the reason."""
    job = RUNNING._replace(note="first\nsecond", changed_at="2026-11-24T02:00:00.123456Z")
    row = shown_job(job, "a call", Progress("Running", 2, 1, 0))
    assert (row["state"], row["progress"], row["reason"]) == ("running", "1 of 2", "first\nsecond")
    shown = row_for_table(row)
    assert (shown["changed"], shown["reason"]) == ("2026-11-24 02:00:00", "first")


def test_what_asks_no_cloud_loads_nothing_of_it() -> None:
    """The first line of `jobs list` would wait for it."""
    code = f"import handler.cli.jobs.list, sys; print(*({NEEDED_FOR_IEF} & sys.modules.keys()))"
    code = code.replace(str(NEEDED_FOR_IEF), str(set(NEEDED_FOR_IEF)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
