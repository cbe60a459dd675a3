"""Retries and age."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from handler.local.async_invocation.async_request import AsyncRequest
from handler.local.async_invocation.config import AsyncConfig

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
REQUEST = AsyncRequest("r-1", "timer", "{}", NOON)


def waits(config: AsyncConfig, attempts: int) -> list[float | None]:
    """Return the seconds before each retry, None where no retry follows."""
    chance = Random(1)  # noqa: S311 - a seed, not a secret
    found = []
    for attempt in range(1, attempts + 1):
        due = config.retry_at(replace(REQUEST, attempt=attempt), NOON, chance)
        found.append((due - NOON).total_seconds() if due else None)
    return found


def test_the_wait_doubles_and_a_little_chance_is_added() -> None:
    """At most a fifth."""
    first, second, third, fourth = waits(AsyncConfig(max_retries=3, first_wait=10), 4)
    assert first is not None
    assert second is not None
    assert third is not None
    assert 10 <= first <= 12
    assert 20 <= second <= 24
    assert 40 <= third <= 48
    assert fourth is None


def test_without_retries_the_first_failure_is_the_last() -> None:
    """As FunctionGraph may be set, and as some of its pages say it is."""
    assert waits(AsyncConfig(max_retries=0), 1) == [None]


def test_no_wait_is_longer_than_five_minutes() -> None:
    """And the spread."""
    (wait,) = waits(AsyncConfig(first_wait=5000), 1)
    assert wait is not None
    assert 300 <= wait <= 360


def test_a_request_grows_too_old() -> None:
    """Counted from when it was accepted."""
    config = AsyncConfig(max_age=60)
    assert not config.expired(REQUEST, NOON + timedelta(seconds=60))
    assert config.expired(REQUEST, NOON + timedelta(seconds=61))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"max_retries": 4}, r"max_retries\n.* less than or equal to 3"),
        ({"max_retries": -1}, r"max_retries\n.* greater than or equal to 0"),
        ({"max_age": 0}, r"max_age\n.* greater than or equal to 1"),
        ({"max_age": 86_401}, r"max_age\n.* less than or equal to 86400"),
        ({"first_wait": -1}, r"first_wait\n.* greater than or equal to 0"),
    ],
)
def test_a_value_outside_the_platforms_limits_is_refused(
    wrong: dict[str, int], sentence: str
) -> None:
    """With its own limits."""
    with pytest.raises(ValueError, match=sentence):
        AsyncConfig(**wrong)  # type: ignore[arg-type] # numbers only
