"""Parses YAML from PyYAML's event stream, with the line of every part.

PyYAML's loaders recurse, follow aliases and guess types by YAML 1.1 (`no` is false, `010` is
eight). Only its parser is used here, and it yields only JSON's types.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, TypeAlias

import yaml

from handler.parsing.tree_builder import HaltError, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing.document import Limits

NONCHARACTERS = "\ufdd0-\ufdef"
"""Characters that no text may hold (Unicode, section 23.7), for a character class."""

_HIDDEN = "\x85\u2028\u2029\ufeff"
_PLACEHOLDERS = "\ufdd0\ufdd1\ufdd2\ufdd3"
_TO_PLACEHOLDERS = str.maketrans(_HIDDEN, _PLACEHOLDERS)
_BACK = str.maketrans(_PLACEHOLDERS, _HIDDEN)
_ANY_HIDDEN = re.compile(f"[{_HIDDEN}]")
_ANY_PLACEHOLDER = re.compile(f"[{_PLACEHOLDERS}]")

Parser: TypeAlias = "type[yaml.BaseLoader | yaml.CBaseLoader]"

# CBaseLoader is missing where PyYAML was built without libyaml.
FASTEST_PARSER: Parser = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?)?")

_UNPRINTABLE = re.compile(
    rf"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[{NONCHARACTERS}]"
)

_NOT_YAML = "not YAML here; look at the indentation, quotes, brackets and colons of this line"
_TAB = "not YAML here: a tab in the indentation; indent with blanks"
_NOT_CLOSED = {
    "while parsing a flow sequence": "the list that begins with [ here is not closed by ], or a "
    "comma is missing in it",
    "while parsing a flow mapping": "the mapping that begins with { here is not closed by }, or a "
    "comma is missing in it",
    "while scanning a quoted scalar": "the quote that begins here is not closed",
}
"""What is wrong where a part begins whose end the parser did not find, by its words for it."""


class HiddenBreaks:
    """Follows a YAML text's events and finds the first hidden break outside quoted text.

    Hidden breaks are invisible characters that YAML parsers treat as line ends, or skip: U+0085,
    U+2028 and U+2029 end a comment and a line for PyYAML, and libyaml skips a byte order mark at
    the start of any line. They are refused outside quoted text and preserved inside it: the parser
    reads noncharacters instead, so it neither breaks nor counts lines there.

    Attributes:
        text: The text to parse, with placeholders for hidden breaks.
    """

    def __init__(self, text: str) -> None:
        self._any = _ANY_HIDDEN.search(text) is not None
        self.text = text.translate(_TO_PLACEHOLDERS) if self._any else text
        self._after = 0

    def outside_before(self, event: yaml.ScalarEvent) -> int | None:
        """Return the position of a hidden break between the last quoted scalar and this one.

        Args:
            event: The next scalar of the text; the end of a quoted one is stored.
        """
        start, end = event.start_mark, event.end_mark
        if not self._any or event.style not in ("'", '"') or start is None or end is None:
            return None
        found = self._next(start.index)
        self._after = end.index
        return found

    def outside_at_end(self) -> int | None:
        """Return the position of a hidden break after the last quoted scalar."""
        return self._next(len(self.text)) if self._any else None

    def original(self, value: str) -> str:
        """Return a quoted scalar's value with its original characters."""
        return value.translate(_BACK) if self._any else value

    def explain(self, position: int) -> tuple[str, int]:
        """Return the message for a hidden break, and its line."""
        name = f"U+{ord(self.text[position].translate(_BACK)):04X}"
        line = self.text.count("\n", 0, position) + 1
        message = (
            f"an invisible character ({name}) outside quoted text: "
            "YAML and an editor disagree where the line ends; remove it"
        )
        return message, line

    def _next(self, end: int) -> int | None:
        found = _ANY_PLACEHOLDER.search(self.text, self._after, end)
        return found.start() if found else None


class _BrokenError(Exception):
    """The text is not YAML from a line on; `problem` says what is wrong there."""

    def __init__(self, line: int, problem: str = _NOT_YAML) -> None:
        super().__init__(f"line {line}")
        self.line, self.problem = line, problem


def parse_yaml(text: str, limits: Limits, parser: Parser = FASTEST_PARSER) -> list[Tree]:
    """Read a stream of YAML documents; empty documents are left out.

    Args:
        text: The YAML text.
        limits: The limits; the size was checked before.
        parser: The PyYAML loader class whose parser reads the text. Both parsers give the same
            result for text that both accept; the C parser also accepts some tabs.

    Returns:
        One tree for each document, with every error in `problems`.
    """
    trees: list[Tree] = [Tree(limits)]
    with contextlib.suppress(HaltError):
        _parse(text, limits, parser, trees)
    # The tree of an empty document has no parts.
    return [each for each in trees if each.lines or each.problems]


def _parse(text: str, limits: Limits, parser: Parser, trees: list[Tree]) -> None:
    """Fill the last tree, and append one for each further document.

    Raises:
        HaltError: The rest cannot be read.
    """
    _refuse_control_characters(text, trees[-1])
    breaks = HiddenBreaks(text)
    try:
        for event, line in _events(breaks.text, parser):
            if isinstance(event, yaml.DocumentStartEvent):
                trees.append(Tree(limits, trees[-1].nodes, trees[-1].problem_count))
            elif isinstance(event, yaml.ScalarEvent):
                _refuse_hidden_break(trees[-1], breaks, breaks.outside_before(event))
                event.value = breaks.original(event.value)
            _take(trees[-1], event, line)
    except _BrokenError as error:
        trees[-1].note(error.problem, error.line, ())
    _refuse_hidden_break(trees[-1], breaks, breaks.outside_at_end())


def _refuse_hidden_break(tree: Tree, breaks: HiddenBreaks, position: int | None) -> None:
    if position is not None:
        tree.halt(*breaks.explain(position))


def _events(text: str, parser: Parser) -> Iterator[tuple[yaml.Event, int]]:
    """Yield each of the parser's events with its line.

    Raises:
        _BrokenError: The text is not YAML.
    """
    line = 1
    try:
        for event in yaml.parse(text, Loader=parser):
            line = event.start_mark.line + 1 if event.start_mark else line
            yield event, line
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, line) from error
    # The pure parser raises ValueError for an escape such as "\\UFFFFFFFF".
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _BrokenError(line) from error


def _broken(error: yaml.MarkedYAMLError, text: str, line: int) -> _BrokenError:
    """Return where a text is not YAML: where the part begins that has no end, if that is known."""
    not_closed = _NOT_CLOSED.get(str(error.context), "")
    if not_closed and error.context_mark:
        return _BrokenError(error.context_mark.line + 1, not_closed)
    lines = text.split("\n")
    at = min(error.problem_mark.line + 1 if error.problem_mark else line, len(lines))
    is_tab = lines[at - 1].lstrip(" ").startswith("\t")
    return _BrokenError(at, _TAB if is_tab else _NOT_YAML)


def _refuse_control_characters(text: str, tree: Tree) -> None:
    odd = _UNPRINTABLE.search(text)
    if odd:
        tree.halt(
            "a control character, which YAML does not allow", text.count("\n", 0, odd.start()) + 1
        )


def _take(tree: Tree, event: yaml.Event, line: int) -> None:
    """Pass one event to the tree."""
    if isinstance(event, yaml.DocumentStartEvent):
        if event.version or event.tags:
            tree.note("directives (`%YAML`, `%TAG`) are not supported; remove them", line)
    elif isinstance(event, yaml.NodeEvent):
        _refuse_indirection(tree, event, line)
        _take_node(tree, event, line)
    elif isinstance(event, yaml.CollectionEndEvent):
        tree.end()


def _refuse_indirection(tree: Tree, event: yaml.NodeEvent, line: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        tree.note("aliases (`*name`) are not supported; write the value out", line)
        return
    if event.anchor is not None:
        tree.note("anchors (`&name`) are not supported; remove it", line)
    if getattr(event, "tag", None) is not None:
        tree.note("tags (`!name`) are not supported; remove it, and quote text", line)


def _take_node(tree: Tree, event: yaml.NodeEvent, line: int) -> None:
    if isinstance(event, yaml.ScalarEvent):
        _take_scalar(tree, event, line)
    elif tree.wants_key:
        tree.halt("a key must be plain text, not a mapping, a list or an alias", line)
    elif isinstance(event, yaml.AliasEvent):
        tree.add(None, line)
    else:
        tree.begin([] if isinstance(event, yaml.SequenceStartEvent) else {}, line)


def _take_scalar(tree: Tree, event: yaml.ScalarEvent, line: int) -> None:
    text = event.value
    plain = not event.style
    if tree.wants_key:
        if plain and text == "<<":
            tree.note("merge keys (`<<`) are not supported; write the entries out", line)
        elif plain and (text in _CONSTANTS or _NUMBER.fullmatch(text)):
            tree.note("this key is not text; put it in quotes", line)
        tree.key(text, line)
    elif plain and text in _CONSTANTS:
        if text or tree.is_open:
            tree.add(_CONSTANTS[text], line)
    elif plain and _NUMBER.fullmatch(text):
        tree.add_number(text, line)
    else:
        tree.add(text, line)
