"""The time that is left of an invocation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from handler.runtime.deadline import ASSUMED_SECONDS, LONGEST_SECONDS, deadline


def left(message: object, timeout: str | None = None) -> float:
    """Return the seconds left at the start, by the context and the environment."""

    def answer() -> object:
        if isinstance(message, Exception):
            raise message
        return message

    context = SimpleNamespace(getRemainingTimeInMilliSeconds=answer)
    environ = {} if timeout is None else {"RUNTIME_TIMEOUT": timeout}
    return deadline(context, environ, clock=lambda: 1000.0).left()


def test_the_time_left_counts_down_to_nothing() -> None:
    """It never becomes negative."""
    now = [50.0]
    end = deadline(object(), {"RUNTIME_TIMEOUT": "10"}, clock=lambda: now[0])
    seen = []
    for now[0] in (50.0, 57.5, 60.0, 61.0):
        seen.append(end.left())
    assert seen == [10.0, 2.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("message", "seconds"),
    [(29_990, 29.99), (30_000, 30.0), (15_001, 15.001), (15_000, 30.0), (30_001, 30.0), (5, 30.0)],
)
def test_the_context_is_believed_inside_its_plausible_range(message: int, seconds: float) -> None:
    """From half to all of the configured time-out; else the whole time-out counts."""
    assert left(message, "30") == pytest.approx(seconds)


@pytest.mark.parametrize("message", [30, 0, -5, 29_990_000_000, float("nan"), "30", None])
def test_a_remaining_time_in_another_unit_is_not_believed(message: object) -> None:
    """Seconds, nanoseconds and things that are no number."""
    assert left(message, "30") == 30.0


@pytest.mark.parametrize("error", [TypeError("text"), ValueError("text")])
def test_a_context_that_fails_is_ignored(error: Exception) -> None:
    """The platform's development stub fails on its own settings."""
    assert left(error, "30") == 30.0


@pytest.mark.parametrize("timeout", [None, "", "0", "-5", "1.5", "soon", "³"])
def test_without_a_time_out_the_context_counts(timeout: str | None) -> None:
    """As long as it is a time that an invocation may have."""
    assert left(12_000, timeout) == 12.0


@pytest.mark.parametrize("message", [0, 999, (LONGEST_SECONDS + 1) * 1000, None])
def test_without_a_time_out_a_default_is_assumed(message: object) -> None:
    """Neither the environment nor the context has a plausible one."""
    assert left(message) == ASSUMED_SECONDS


def test_a_context_without_the_method_is_accepted() -> None:
    """Any object may be the context."""
    assert deadline(None, {}, clock=lambda: 0.0).left() == ASSUMED_SECONDS


def test_the_time_that_opening_the_instance_took_is_over() -> None:
    """Without an initializer it is a part of the first invocation."""
    end = deadline(object(), {"RUNTIME_TIMEOUT": "10"}, began=100.0, clock=lambda: 107.0)
    assert end.left() == 3.0


def test_what_the_context_says_is_left_after_the_instance_was_opened() -> None:
    """The time that the opening took is in it already."""
    context = SimpleNamespace(getRemainingTimeInMilliSeconds=lambda: 39_000)
    for environ in ({"RUNTIME_TIMEOUT": "60"}, {}):
        assert deadline(context, environ, began=100.0, clock=lambda: 120.0).left() == 39.0
