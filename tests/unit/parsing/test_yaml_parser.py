"""YAML text: JSON's types only, nothing indirect, the same from both of PyYAML's parsers."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handler.parsing import Limits
from handler.parsing.tree_builder import NOT_SENT_AS_WRITTEN
from handler.parsing.yaml_parser import FASTEST_PARSER, Parser, parse_yaml

PARSERS: list[Parser] = [yaml.BaseLoader, FASTEST_PARSER]

parser_of_each_kind = pytest.mark.parametrize("parser", PARSERS, ids=["pure", "fastest"])


def value(text: str, parser: Parser) -> object:
    """Return the value of a text's only document."""
    (tree,) = parse_yaml(text, Limits(), parser)
    assert tree.problems == []
    return tree.value


def problems(text: str, parser: Parser) -> list[tuple[int, str]]:
    """Return the line and message of each fault."""
    return [
        (problem.line, problem.message)
        for tree in parse_yaml(text, Limits(), parser)
        for problem in tree.problems
    ]


@parser_of_each_kind
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None), ("~", None), ("Null", None), ("NULL", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("0", 0), ("-12", -12), ("0.25", 0.25), ("-1500.0", -1500.0),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("tRue", "tRue"),
        ("010", "010"), ("0x1f", "0x1f"), ("0o17", "0o17"), ("1_000", "1_000"), ("+1", "+1"),
        ("1:30", "1:30"), ("2026-11-01", "2026-11-01"), (".inf", ".inf"), (".nan", ".nan"),
        (".5", ".5"), ("1.", "1."), ("1e3", "1e3"), ("1.2.3", "1.2.3"), ("=", "="),
        ('"true"', "true"), ("'1'", "1"), ('""', ""), ("|\n 1\n", "1\n"),
    ],
)  # fmt: skip
def test_a_scalar_is_of_one_of_jsons_types(text: str, expected: object, parser: Parser) -> None:
    """Only what JSON would write the same way is more than text."""
    found = value(text, parser)
    assert found == expected
    assert type(found) is type(expected)


@parser_of_each_kind
def test_an_entry_without_a_value_is_null(parser: Parser) -> None:
    """An empty place inside a document is null."""
    assert value("a:\nb: [1, ]\nc:\n-\n", parser) == {"a": None, "b": [1], "c": [None]}


@parser_of_each_kind
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: &x 2", 2, "anchors (`&name`) are not supported; remove it"),
        ("a: !!str 2", 1, "tags (`!name`) are not supported; remove it, and quote text"),
        ("a: !!python/name:os.system", 1,
         "tags (`!name`) are not supported; remove it, and quote text"),
        ("! a: 1", 1, "tags (`!name`) are not supported; remove it, and quote text"),
        ("a:\n  <<: {}", 2, "merge keys (`<<`) are not supported; write the entries out"),
        ("%YAML 1.1\n---\na: 1", 1, "directives (`%YAML`, `%TAG`) are not supported; remove them"),
        ("yes: 1\n2: 3", 2, "this key is not text; put it in quotes"),
        ("null: 3", 1, "this key is not text; put it in quotes"),
        ("? [a]\n: 1", 1, "a key must be plain text, not a mapping, a list or an alias"),
        ("a: 1\nb: 2\na: 3", 3, "duplicate key, first in line 1; keep one"),
        ("a: 1\nversion: 1.10", 2, NOT_SENT_AS_WRITTEN),
        ("args: [-1.5e3]", 1, NOT_SENT_AS_WRITTEN),
        ("a: -0", 1, NOT_SENT_AS_WRITTEN),
        ("a: 1\nb: \ufdd0", 2, "a control character, which YAML does not allow"),
        ("a: 1.0e999", 1, "a number too large for a float"),
        ("a: 1\nb: \x07", 2, "a control character, which YAML does not allow"),
    ],
)  # fmt: skip
def test_unsupported_yaml_is_refused_with_its_line(
    text: str, line: int, message: str, parser: Parser
) -> None:
    """Everything indirect or ambiguous is pointed at."""
    assert problems(text, parser)[0] == (line, message)


@parser_of_each_kind
def test_an_alias_is_refused(parser: Parser) -> None:
    """A document that explodes by its aliases is never built."""
    found = problems("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", parser)
    assert (3, "aliases (`*name`) are not supported; write the value out") in found


@parser_of_each_kind
@pytest.mark.parametrize(
    ("text", "line", "begin"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 2, "the list that begins with [ here is not closed by ]"),
        ("a: 1\nb: {c: 1\n", 2, "the mapping that begins with { here is not closed by }"),
        ("a: 'x\nb: 1\n\n", 1, "the quote that begins here is not closed"),
        ("a: 1\nb:\n\tc: 1\n", 3, "not YAML here: a tab in the indentation"),
    ],
)
def test_a_part_without_an_end_is_named_where_it_begins(
    text: str, line: int, begin: str, parser: Parser
) -> None:
    """Not where the parser gave up, which may be behind the last line."""
    ((found, message),) = problems(text, parser)
    assert found == line
    assert message.startswith(begin)


@parser_of_each_kind
@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\q"', "a: 1\n b: 2", "}"])
def test_a_syntax_error_says_where(text: str, parser: Parser) -> None:
    """The parser's own words, which may quote the text, are not used."""
    ((line, message),) = problems(text, parser)
    assert line in {1, 2}
    assert message.startswith("not YAML here; ")


@parser_of_each_kind
def test_every_part_has_its_line(parser: Parser) -> None:
    """An entry of a mapping has its key's line, an item its own."""
    (tree,) = parse_yaml("# first\na:\n  b: 1\nc:\n  - 2\n  - d: |\n      3\n", Limits(), parser)
    assert tree.lines == {
        (): 2, ("a",): 2, ("a", "b"): 3, ("c",): 4,
        ("c", 0): 5, ("c", 1): 6, ("c", 1, "d"): 6,
    }  # fmt: skip


_HIDDEN = ["\x85", "\u2028", "\u2029", "\ufeff"]


@parser_of_each_kind
@pytest.mark.parametrize("hidden", _HIDDEN)
@pytest.mark.parametrize(
    "text",
    [
        "a: 1 # was{}serial: 9\n", "# was{}serial: 9\nb: 1", "a: x{}b: y\n", "a: |\n  x{}y\n",
        "a: >\n  x{}y\n", "a: x\n{}b: y\n", "a{}: x\n", "a: [x,{}y]\n", 'a: "x"{}b: y\n',
    ],
)  # fmt: skip
def test_a_hidden_line_break_is_refused_with_its_line(
    text: str, hidden: str, parser: Parser
) -> None:
    """A line break for the parser and for no editor puts a value where it is not seen."""
    place = text.index("{}")
    found = problems("z: 0\n" + text.replace("{}", hidden), parser)
    issues = [(line, message) for line, message in found if f"U+{ord(hidden):04X}" in message]
    assert [line for line, _ in issues] == [2 + text.count("\n", 0, place)]


@parser_of_each_kind
@pytest.mark.parametrize("hidden", _HIDDEN)
def test_a_hidden_line_break_in_quotes_is_a_character(hidden: str, parser: Parser) -> None:
    """It stays what it is, and the lines after it are counted as an editor does."""
    text = f"'k{hidden}': 'a {hidden} b'\n\"c\": \"d{hidden}\"\n"
    assert value(text, parser) == {f"k{hidden}": f"a {hidden} b", "c": f"d{hidden}"}
    assert problems(text + "e: 1.10", parser) == [(3, NOT_SENT_AS_WRITTEN)]


written = st.one_of(
    st.text("0123456789.eE+-_:xob ", min_size=1, max_size=12),
    st.text(min_size=1, max_size=8),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(
        ["1.10", "3.10", "0x10", "1_000", "1e3", "012", "0o17", "yes", "no", "on", "off", "~",
         "null", "true", "2026-11-25", "1:20", ".inf", "=", "<<", "-0", "0.50", "1.", ".5"]
    ),
)  # fmt: skip


@given(written, st.sampled_from(PARSERS))
def test_a_plain_scalar_is_exactly_its_text_or_no_text(scalar: str, parser: Parser) -> None:
    """A reader of text gets the written text; a number, truth or null stays as it is written."""
    trees = parse_yaml(f"- {scalar}", Limits(), parser)
    if len(trees) != 1 or trees[0].problems or any(c in scalar for c in "#\n\r"):
        return
    item = trees[0].value[0] if isinstance(trees[0].value, list) else None
    plain = scalar.strip(" \t")
    if isinstance(item, str) and plain[0] not in "'\"|>":
        assert item == plain
    elif isinstance(item, int | float) and not isinstance(item, bool):
        assert json.dumps(item) == plain


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="ab :-#'\"\n\t1.é", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("ab", min_size=1), json_like, min_size=1), st.sampled_from(PARSERS))
def test_json_in_yaml_reads_back_equal(document: dict[str, object], parser: Parser) -> None:
    """Flow style with JSON's quotes holds the same values as JSON."""
    assert value("--- " + json.dumps(document), parser) == document


@given(st.text(alphabet="ab:-[]{},'\"|> \n1.0é%!&*", max_size=30))
def test_both_parsers_give_the_same_values(text: str) -> None:
    """Whatever both of PyYAML's parsers accept, they read alike."""
    one, other = (parse_yaml(text, Limits(), parser) for parser in PARSERS)
    if not any(tree.problems for tree in (*one, *other)):
        assert [(tree.value, tree.lines) for tree in one] == [
            (tree.value, tree.lines) for tree in other
        ]
