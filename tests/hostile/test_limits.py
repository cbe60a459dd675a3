"""The limits of every hostile case detect what exceeds them."""

from __future__ import annotations

import time

import pytest

from tests.hostile.limits import assert_within_limits, run_limited


def _double(number: int) -> int:
    return 2 * number


def _busy() -> None:
    end = time.process_time() + 1.1
    while time.process_time() < end:
        pass


def _fat() -> int:
    return len(bytearray(b"x") * (150 * 1024 * 1024))


def _failing() -> None:
    raise ValueError("as it came")


def test_a_harmless_case_returns_its_value_within_the_limits() -> None:
    """The harness itself needs little time and memory."""
    outcome = run_limited(_double, 21)
    assert outcome.value == 42
    assert_within_limits(outcome)


@pytest.mark.parametrize("work", [_busy, _fat, _failing])
def test_a_case_over_a_limit_fails(work: object) -> None:
    """Time, memory and a stray exception are each reported."""
    with pytest.raises(AssertionError):
        assert_within_limits(run_limited(work))  # type: ignore[arg-type] # one of the above
