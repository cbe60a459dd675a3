"""Retries, and their end."""

from __future__ import annotations

import pytest

from handler.audit.retry_policy import RetryPolicy
from handler.errors import LogBusyError, LogUnreachableError, NoAnswerError


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.slept.append(seconds)
        self.now += seconds


def policy(time: Time, seconds: float = 30.0) -> RetryPolicy:
    """Return a policy with that clock, with the same chance every time."""
    return RetryPolicy(seconds, time.clock, time.sleep, lambda: 0.5)


def test_a_passing_error_is_retried_until_it_succeeds() -> None:
    """The first time at once, then after pauses that grow."""
    time, left = Time(), [NoAnswerError("a"), NoAnswerError("b"), NoAnswerError("c")]

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    assert policy(time).retry("", work) == "done"
    assert time.slept == [0.0, 0.05, 0.1]


def test_no_pause_goes_beyond_the_end() -> None:
    """The caller has little time left."""
    time = Time()
    attempt = policy(time, 0.2).start("obs://b/")
    for _ in range(3):
        attempt.failed(NoAnswerError("x"))
    with pytest.raises(LogUnreachableError):
        attempt.failed(NoAnswerError("x"))
    assert time.now <= 0.2


def test_an_instance_that_lost_waits_a_little_longer_each_time() -> None:
    """At random, so that those who lost together do not meet again; never long."""
    time = Time()
    attempt = policy(time).start("obs://b/")
    for _ in range(12):
        attempt.conflict()
    assert time.slept == sorted(time.slept)
    assert (time.slept[0], time.slept[-1]) == (0.001, 0.05)


def test_a_lost_race_shows_that_the_store_answers() -> None:
    """The count of errors starts at zero again."""
    time = Time()
    attempt = policy(time).start("")
    for _ in range(4):
        before = len(time.slept)
        for _ in range(6):
            attempt.failed(NoAnswerError("x"))
        assert time.slept[before : before + 2] == [0.0, 0.05]
        attempt.conflict()


def test_retries_after_lost_races_end_with_the_time() -> None:
    """Not with a number of attempts."""
    time = Time()
    attempt = policy(time, 1.0).start("obs://b/")
    while time.now <= 1.0:
        attempt.conflict()
    with pytest.raises(LogBusyError, match="obs://b/"):
        attempt.conflict()
