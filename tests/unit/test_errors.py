"""The text of errors, and which of them may be retried."""

from __future__ import annotations

import pytest

from handler import errors
from handler.errors import NightdropError, Problem, SpecRejectedError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("is empty"), "is empty"),
        (Problem("is empty", line=3), "line 3: is empty"),
        (Problem("is empty", "a.b", 2, 14), "document 2, line 14, a.b: is empty"),
        (Problem("is empty", "a.b"), "a.b: is empty"),
        (Problem("is empty", document=0, line=0), "document 0, line 0: is empty"),
    ],
)
def test_a_problem_names_its_place_first(problem: Problem, text: str) -> None:
    """As much of the place as is known, then the sentence."""
    assert str(problem) == text


def test_a_rejection_lists_every_problem() -> None:
    """One line each, in the order they were found."""
    error = SpecRejectedError([Problem("one"), Problem("two", line=2)])
    assert str(error) == "one\nline 2: two"
    assert [problem.message for problem in error.problems] == ["one", "two"]


def tree(kind: type[NightdropError]) -> list[type[NightdropError]]:
    """Return an error class and all that are derived from it."""
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


@pytest.mark.parametrize("kind", tree(NightdropError), ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_drawing(kind: type[NightdropError]) -> None:
    """The tree at the top of the module is complete, and each class has its sentence."""
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_only_temporary_errors_may_be_retried() -> None:
    """Rejections, settings and a broken log stay as they are; the cloud and a busy log may not."""
    retryable = {kind.__name__ for kind in tree(NightdropError) if kind.retryable}
    assert retryable == {
        *("CredentialsError", "CloudError", "NotSentError", "NoAnswerError", "ApiError"),
        *("AccessPendingError", "OutOfTimeError", "PolicyError"),
        *("LogBusyError", "LogUnreachableError", "LogOutdatedError", "DeliveriesError"),
    }
