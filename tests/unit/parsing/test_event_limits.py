"""Parsed events: within the same limits as text."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import EventRejectedError
from handler.parsing import Limits, check_event
from handler.parsing.document import NOT_UNICODE


def refusal(value: object, limits: Limits | None = None) -> str:
    """Return the text of the refusal."""
    with pytest.raises(EventRejectedError) as caught:
        check_event(value, limits or Limits())
    return str(caught.value)


@pytest.mark.parametrize("value", [None, True, 1, -0.5, "text", [], {}, {"a": [1, {"b": None}]}])
def test_plain_json_passes_as_it_is(value: object) -> None:
    """Every JSON value is an event, whatever becomes of it later."""
    assert check_event(value, Limits()) is value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [math.nan]}, "a[0]: NaN and Infinity are not JSON numbers"),
        ({"a": "\ud800"}, f"a: {NOT_UNICODE}"),
        ({"\ud800": 1}, f"a key {NOT_UNICODE}"),
        ({1: 2}, "a key that is not text"),
        ({"a": (1,)}, "a: not a JSON value"),
        ({"a": b"x"}, "a: not a JSON value"),
        ([10**4300], "[0]: an integer of more than 4300 digits"),
    ],
)  # fmt: skip
def test_a_value_that_json_cannot_hold_is_refused(value: object, message: str) -> None:
    """A value that another parser let through is caught here."""
    assert refusal(value) == message


def test_every_bad_value_is_listed() -> None:
    """One refusal names them all."""
    assert len(refusal({"a": math.inf, "b": "\udc00"}).splitlines()) == 2


def test_a_deep_event_is_refused() -> None:
    """Depth is counted without recursion."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert refusal(value) == "the event is nested more than 32 levels deep"


def test_the_deepest_event_allowed_passes() -> None:
    """The limit itself is allowed."""
    assert check_event([[["x"]]], Limits(max_depth=3)) == [[["x"]]]
    assert "nested" in refusal([[["x"]]], Limits(max_depth=2))


def test_an_event_with_too_many_values_is_refused() -> None:
    """Values are counted wherever they stand."""
    assert refusal([1, 2, 3], Limits(max_nodes=3)) == "the event holds more than 3 values"


def test_an_event_that_holds_itself_is_refused() -> None:
    """A circle is only very deep."""
    value: list[Any] = []
    value.append(value)
    assert "nested" in refusal(value)


def test_a_large_event_is_refused() -> None:
    """The size is that of its compact JSON text in UTF-8."""
    assert check_event("é" * 4, Limits(max_bytes=10)) == "éééé"
    assert refusal("é" * 5, Limits(max_bytes=10)) == "the event has more than 10 bytes"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0] * 2_000_000, "holds more than 20000 values"),
        ({"a": [[0] * 2_000_000]}, "holds more than 20000 values"),
        ([{"a": 0}] * 1_000_000, "holds more than 20000 values"),
        ({"a": "x" * 5_000_000}, "has more than 262144 bytes"),
        ({"x" * 5_000_000: 1}, "has more than 262144 bytes"),
    ],
    ids=["wide", "wide inside", "many", "long text", "long key"],
)
def test_a_large_event_is_counted_before_it_is_queued(value: object, message: str) -> None:
    """What is refused for its size costs next to nothing."""
    tracemalloc.start()
    assert refusal(value) == f"the event {message}"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_faults_beyond_the_limit_are_not_searched_for() -> None:
    """A list of limited length is returned for an event with many faults."""
    lines = refusal([math.nan] * 10_000).splitlines()
    assert (len(lines), lines[-1]) == (101, "and more; only the first 100 are shown")


@given(st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists))
def test_anything_passes_or_is_refused(value: object) -> None:
    """Nothing but the one refusal is ever raised."""
    try:
        assert check_event(value, Limits()) is value
    except EventRejectedError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
