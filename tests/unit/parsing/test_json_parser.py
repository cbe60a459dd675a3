"""JSON text: the whole grammar, nothing beside it, and the lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handler.parsing import Limits
from handler.parsing.document import MAX_DIGITS, NOT_UNICODE
from handler.parsing.json_parser import is_json_lines, parse_json, parse_json_lines
from handler.parsing.tree_builder import NOT_SENT_AS_WRITTEN

_NO_COMMENTS = (
    'not JSON: expected a key in double quotes or `}`: JSON has no comments and no quotes but "'
)
WIDE = Limits(max_depth=1000)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def problem(text: str) -> str:
    """Return the first fault's message."""
    return parse_json(text, Limits()).problems[0].message


@given(json_values, st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}]))
def test_output_of_pythons_encoder_is_read_back_equal(
    value: object, options: dict[str, Any]
) -> None:
    """The parser understands all that Python's encoder writes."""
    tree = parse_json(json.dumps(value, **options), WIDE)
    assert tree.problems == []
    assert tree.value == value


@given(st.text(alphabet='[]{}:,"\\u0dDc8 1-+.eEtrufalsn\n/', max_size=20))
@example('{"a":1,"b":[true,false,null,-0.5,5e-324]}')
@example("01")
@example('["\\u12"]')
@example('["\\ud83d\\ude00"]')
def test_it_accepts_what_the_standard_decoder_accepts(text: str) -> None:
    """The grammar is the standard decoder's, but for what is refused on purpose."""
    tree = parse_json(text, WIDE)
    try:
        value = json.loads(text)
    except ValueError:
        assert tree.problems
        return
    deliberate = ("surrogate", "duplicate", "too large", "another spelling")
    if not any(word in one.message for one in tree.problems for word in deliberate):
        assert tree.problems == []
        assert tree.value == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 2}', "duplicate key, first in line 1; keep one"),
        ("[NaN]", "NaN and Infinity are not JSON numbers"),
        ("[-Infinity]", "NaN and Infinity are not JSON numbers"),
        *[(f'{{"version": {number}}}', NOT_SENT_AS_WRITTEN)
          for number in ("1.10", "3.10", "1e3", "1E-2", "-0", "0.50", "12345678901234567.8")],
        ("[1e400]", "a number too large for a float"),
        (f"[{'9' * (MAX_DIGITS + 1)}]", f"an integer of more than {MAX_DIGITS} digits"),
        (
            '["\\ud800"]',
            NOT_UNICODE,
        ),
        (
            '{"\\udfff": 1}',
            f"a key {NOT_UNICODE}",
        ),
        ('["\\x41"]', 'not JSON: an invalid escape in a string; write a backslash as "\\\\"'),
        ('["a\nb"]', "not JSON: expected the closing quote of this text in its line"),
        ("{'a': 1}", _NO_COMMENTS),
        ('{"a" 1}', "not JSON: expected `:` after the key"),
        ('{"a": }', "not JSON: expected a value"),
        ('{"a": 1 "b": 2}', "not JSON: expected `,` or the closing bracket"),
        ("[1]]", "not JSON: expected the end of the text: the JSON value ends before this"),
        ("[1}", "not JSON: expected `,` or the closing bracket"),
        ('{"a": [1', "the text ends too early: a bracket or a value is missing"),
    ],
)  # fmt: skip
def test_each_fault_has_its_message(text: str, expected: str) -> None:
    """Each fault has a sentence that helps to find it."""
    assert problem(text) == expected


def test_the_longest_integer_is_read() -> None:
    """The limit is where Python's own is."""
    assert parse_json("9" * MAX_DIGITS, Limits()).problems == []


def test_every_part_has_its_line() -> None:
    """An entry of a mapping has its key's line, an item its own."""
    tree = parse_json('\n{\n"a":\n[1,\n2],\n"b": 3}', Limits())
    assert tree.lines == {(): 2, ("a",): 3, ("a", 0): 4, ("a", 1): 5, ("b",): 6}


def test_faults_are_searched_for_until_there_are_more_than_are_shown() -> None:
    """Faults that are not shown are not collected, in one line or over many."""
    assert len(parse_json(f"[{', '.join(['NaN'] * 500)}]", Limits()).problems) == 101
    trees = parse_json_lines("[NaN, NaN]\n" * 500, Limits())
    assert sum(len(tree.problems) for tree in trees) == 101
    assert len(trees) == 51


def test_faults_that_stop_nothing_are_all_found() -> None:
    """Several bad values come in one list."""
    tree = parse_json('{"a": NaN, "b": 1e400, "a": "\\ud800"}', Limits())
    assert [one.path for one in tree.problems] == [("a",), ("b",), ("a",), ("a",)]


def test_blank_lines_between_json_lines_are_skipped() -> None:
    """Line numbers count the blank ones."""
    trees = parse_json_lines('\n{"a": 1}\n \n{"b": 2}\n', Limits())
    assert [tree.lines[()] for tree in trees] == [2, 4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}\n{"b": }', True),
        ('{"a": \n{"b": 2}', True),
        ('{"a": 1}\nnot json', True),
        ('{\n"a": 1,\n}', False),
        ('{"a": 1,}', False),
    ],
)
def test_json_lines_are_distinguished_from_broken_json(text: str, *, expected: bool) -> None:
    """Lines that each open an object, or a first line that is whole, are JSON Lines."""
    assert is_json_lines(text, Limits()) is expected
