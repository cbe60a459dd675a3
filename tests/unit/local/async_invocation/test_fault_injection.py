"""Duplicates and delays."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from handler.local.async_invocation.dispatcher import delays


def test_without_fault_injection_an_event_is_delivered_once_and_at_once() -> None:
    """The normal case."""
    assert delays(None) == (0.0,)


@given(st.integers())
def test_with_fault_injection_no_event_is_lost(seed: int) -> None:
    """One or two deliveries, none later than half a minute."""
    found = delays(Random(seed))  # noqa: S311 - a seed, not a secret
    assert len(found) in (1, 2)
    assert all(0 <= delay <= 30 for delay in found)


def test_fault_injection_of_one_seed_is_always_the_same() -> None:
    """So that a failure can be repeated."""
    first, second = Random(7), Random(7)  # noqa: S311 - a seed, not a secret
    drawn = [delays(first) for _ in range(200)]
    assert drawn == [delays(second) for _ in range(200)]
    assert {len(found) for found in drawn} == {1, 2}
    assert any(found[0] > 0 for found in drawn)
    assert any(found[0] == 0 for found in drawn)
