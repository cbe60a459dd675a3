"""The fast decoder takes only what the reader with lines takes as well, and reads it alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handler.errors import EventRejectedError
from handler.parsing import check_event
from handler.parsing.document import Limits
from handler.parsing.json_decoder import decode
from handler.parsing.json_parser import parse_json

LIMITS = Limits(max_depth=4, max_nodes=12, max_bytes=200)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=14,
)
TEXTS = VALUES.map(json.dumps) | st.text('{}[]":,\\ud8 \n\t0123456789.eE+-aNtrufalsn', max_size=30)


@given(TEXTS)
@example('{"a": 1, "a": 2}')
@example("[-0, 1.50, 1e400, NaN]")
@example('"\\ud800"')
@example("[[[[[]]]]]")
def test_decoded_values_equal_those_of_the_reader_with_lines(text: str) -> None:
    """Value and types are the same, and the slow reader finds no fault."""
    try:
        value = decode(text, LIMITS)
    except ValueError:
        return
    tree = parse_json(text, LIMITS)
    assert not tree.problems
    assert json.dumps(tree.value) == json.dumps(value)


@given(VALUES)
def test_texts_that_the_reader_with_lines_accepts_are_decoded(value: Any) -> None:  # noqa: ANN401 - any JSON
    """No plain text is read the slow way; only surrogates are left to it."""
    text = json.dumps(value)
    if parse_json(text, LIMITS).problems or "\\ud" in text:
        return
    assert decode(text, LIMITS) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1, "a": 2}', id="a key twice"),
        pytest.param("-0", id="minus zero"),
        pytest.param("1.50", id="a number that would change"),
        pytest.param("1e999", id="infinite"),
        pytest.param("NaN", id="NaN"),
        pytest.param('"\\ud800"', id="half a pair"),
        pytest.param("1" * 4301, id="too many digits"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("[] []", id="two values"),
    ],
)
def test_doubtful_text_is_not_decoded(text: str) -> None:
    """It is left to the reader that reports what is wrong."""
    with pytest.raises(ValueError, match=r"."):
        decode(text, Limits())


@pytest.mark.parametrize(
    ("value", "exceeded"),
    [
        ([[[[1]]]], ""),
        ([[[[[]]]]], "is nested more than 4 levels deep"),
        ([1] * 11, ""),
        ([1] * 12, "holds more than 12 values"),
        ("x" * 200, ""),
        ("x" * 201, "has more than 200 bytes"),
        ({"x" * 201: 1}, "has more than 200 bytes"),
    ],
)
def test_a_value_is_within_the_limits(value: object, exceeded: str) -> None:
    """Depth, values, and characters of texts and keys."""
    assert LIMITS.exceeded_by(value) == exceeded


@pytest.mark.parametrize(
    "value",
    [
        {1: 1},
        {"\ud800": 1},
        "\ud800",
        float("nan"),
        (1,),
        pytest.param(10**4300, id="too many digits"),
    ],
)
def test_a_value_that_is_not_json_is_refused(value: object) -> None:
    """Whatever decoded it."""
    with pytest.raises(EventRejectedError):
        check_event(value, LIMITS)
