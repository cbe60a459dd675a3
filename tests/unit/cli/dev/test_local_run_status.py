"""The exit status of `nightdrop dev --once`."""

from __future__ import annotations

import pytest

from handler.cli.dev.local_run import status_of, wrong_of


@pytest.mark.parametrize(
    ("outcomes", "statuses", "status"),
    [
        (["arrived", "submitted", "arrived", "completed"], {"Successful"}, 0),
        (["arrived", "completed"], set(), 0),
        (["arrived", "deferred", "arrived", "completed"], {"Successful"}, 0),
        (["arrived", "submitted", "arrived", "completed"], {"Successful", "Failed"}, 1),
        (["arrived", "rejected", "arrived", "completed"], set(), 1),
        (["arrived", "given up", "arrived", "completed"], set(), 1),
        (["arrived", "awaiting", "arrived", "deferred"], set(), 75),
        (["arrived"], set(), 75),
        ([], set(), 75),
    ],
)
def test_the_status_says_how_it_ended(outcomes: list[str], statuses: set[str], status: int) -> None:
    """What is not done yet may still be done by a retry; what is wrong stays so."""
    assert status_of(outcomes, statuses, not_uploaded=0) == status


def test_a_file_that_was_not_uploaded_is_wrong() -> None:
    """Its spec was not run, even if every other one was."""
    outcomes, statuses = ["arrived", "submitted", "arrived", "completed"], {"Successful"}
    assert status_of(outcomes, statuses, not_uploaded=2) == 1
    assert wrong_of(outcomes, statuses, not_uploaded=2) == ["2 files not uploaded"]


def test_a_run_ends_with_what_went_wrong() -> None:
    """The line about it may have left the screen."""
    wrong = wrong_of(["rejected", "completed", "rejected", "partial"], {"Successful", "Failed"}, 0)
    assert wrong == ["2 events rejected", "1 event partial", "a job on the fleet is Failed"]
    assert wrong_of(["submitted", "completed"], {"Successful"}, not_uploaded=0) == []
