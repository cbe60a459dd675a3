"""Parses JSON strictly (RFC 8259) and without recursion, with the line of every part.

It reads text that `json_decoder` refuses, and finds the line numbers for messages.
"""

from __future__ import annotations

import contextlib
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from handler.parsing.document import MAX_PROBLEMS
from handler.parsing.tree_builder import HaltError, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing.document import Limits

_TOKEN = re.compile(
    r"""(?P<mark>[\[\]{},:])
    |(?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")
    |(?P<word>true|false|null|NaN|-?Infinity)
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)""",
    re.VERBOSE,
)
_BLANK = re.compile(r"[ \t\r\n]*")
_WORDS = {"true": True, "false": False, "null": None}

_VALUE = "a value"
_FIRST_ITEM = "a value or `]`"
_FIRST_KEY = 'a key in double quotes or `}`: JSON has no comments and no quotes but "'
_KEY = "a key in double quotes: JSON allows no comma before `}`"
_COLON = "`:` after the key"
_NEXT = "`,` or the closing bracket"
_QUOTE = "the closing quote of this text in its line"
_NOTHING = "the end of the text: the JSON value ends before this"


def parse_json(text: str, limits: Limits) -> Tree:
    """Read a text that holds exactly one JSON value.

    Returns:
        The tree, with every error in `problems`.
    """
    return _parsed(text, Tree(limits), 1)


def parse_json_lines(text: str, limits: Limits) -> list[Tree]:
    """Read JSON Lines: one JSON value in each line that is not blank.

    Reading stops at the line that exceeds the number of values or of problems.
    """
    trees: list[Tree] = []
    tree = Tree(limits)
    for number, line in numbered_lines(text):
        tree = _parsed(line, Tree(limits, tree.nodes, tree.problem_count), number)
        trees.append(tree)
        if tree.nodes > limits.max_nodes or tree.problem_count > MAX_PROBLEMS:
            break
    return trees


def is_json_lines(text: str, limits: Limits) -> bool:
    """Return whether a text that is not one JSON value is probably JSON Lines.

    It is if each line opens an object, or if the first line is a complete value.
    """
    first_two = list(islice(numbered_lines(text), 2))
    if len(first_two) == 1:
        return False
    if all(line.lstrip(" \t").startswith("{") for _, line in numbered_lines(text)):
        return True
    return not parse_json(first_two[0][1], limits).problems


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank, with its number."""
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        if line.strip(" \t\r"):
            yield number, line
        start, number = end + 1, number + 1


def _parsed(text: str, tree: Tree, line: int) -> Tree:
    with contextlib.suppress(HaltError):
        _parse(text, tree, line)
    return tree


def _parse(text: str, tree: Tree, line: int) -> None:
    expected = _VALUE
    position = 0
    while True:
        start = _end_of_blank(text, position)
        line += text.count("\n", position, start)
        if start == len(text):
            break
        token = _TOKEN.match(text, start)
        if token is None:
            _refuse(tree, _QUOTE if text[start] == '"' else expected, line)
        expected = _take(tree, expected, token, line)
        position = token.end()
    if expected is not _NOTHING:
        tree.halt("the text ends too early: a bracket or a value is missing", line)


def _end_of_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _refuse(tree: Tree, expected: str, line: int) -> NoReturn:
    tree.halt(f"not JSON: expected {expected}", line)


def _take(tree: Tree, expected: str, token: re.Match[str], line: int) -> str:
    """Pass one token to the tree and return what may follow it."""
    if token.lastgroup == "mark":
        return _take_mark(tree, expected, token.group(), line)
    if expected in (_KEY, _FIRST_KEY) and token.lastgroup == "string":
        tree.key(_string(tree, token.group(), line), line)
        return _COLON
    if expected not in (_VALUE, _FIRST_ITEM):
        _refuse(tree, expected, line)
    _take_scalar(tree, token, line)
    return _after_value(tree)


def _take_mark(tree: Tree, expected: str, mark: str, line: int) -> str:
    if mark in "[{" and expected in (_VALUE, _FIRST_ITEM):
        tree.begin([] if mark == "[" else {}, line)
        return _FIRST_ITEM if mark == "[" else _FIRST_KEY
    if mark == ":" and expected is _COLON:
        return _VALUE
    if mark == "," and expected is _NEXT:
        return _KEY if tree.in_mapping else _VALUE
    closes = "}" if tree.in_mapping else "]"
    if mark != closes or expected not in (_NEXT, _FIRST_ITEM, _FIRST_KEY):
        _refuse(tree, expected, line)
    tree.end()
    return _after_value(tree)


def _take_scalar(tree: Tree, token: re.Match[str], line: int) -> None:
    text = token.group()
    if token.lastgroup == "string":
        tree.add(_string(tree, text, line), line)
    elif token.lastgroup == "number":
        tree.add_number(text, line)
    elif text in _WORDS:
        tree.add(_WORDS[text], line)
    else:
        tree.note("NaN and Infinity are not JSON numbers", line)
        tree.add(None, line)


def _string(tree: Tree, token: str, line: int) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        tree.note('not JSON: an invalid escape in a string; write a backslash as "\\\\"', line)
        return ""


def _after_value(tree: Tree) -> str:
    return _NEXT if tree.is_open else _NOTHING
