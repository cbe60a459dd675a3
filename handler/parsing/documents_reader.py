"""Reads the bytes of a file: returns its documents, or reports all of its errors."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from handler.errors import Problem, SpecRejectedError
from handler.parsing.document import Document, LazyLines, Path, first_problems, format_path
from handler.parsing.foreign_format import detect_bytes_format
from handler.parsing.json_decoder import decode
from handler.parsing.json_parser import is_json_lines, numbered_lines, parse_json, parse_json_lines
from handler.parsing.yaml_parser import parse_yaml

if TYPE_CHECKING:
    from handler.parsing.document import Limits
    from handler.parsing.tree_builder import SyntaxFault, Tree
    from handler.values.canonical_json import Json

_BYTE_ORDER_MARK = "\ufeff"
_TEMPLATE = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^%\n]*%\}")
_NOT_RENDERED = "a template that was not rendered: a placeholder is left here; fill it in"


def read(data: bytes, limits: Limits) -> tuple[Document, ...]:
    """Read a file or an inline spec: JSON, a JSON array of documents, JSON Lines, or YAML.

    A text whose first character is `{` or `[` is JSON, every other text YAML. One UTF-8 byte order
    mark at the start is skipped, since some editors write it.

    Args:
        data: The bytes.
        limits: The limits; the bytes are counted first.

    Returns:
        At least one document, in the order of the file.

    Raises:
        SpecRejectedError: The bytes cannot be read; it lists as many problems as were found.
    """
    text = _decoded(data, limits)
    values = _values(text, limits)
    if not values:
        return _with_lines(text, limits)
    # Only messages need line numbers.
    lines = cache(lambda: [document.lines for document in _with_lines(text, limits)])
    return tuple(
        Document(number, value, LazyLines(lines, number - 1))
        for number, value in enumerate(values, start=1)
    )


def _values(text: str, limits: Limits) -> list[Json]:
    """Return the documents of valid JSON or JSON Lines, and none of any other text."""
    if text.lstrip()[0] not in "{[":
        return []
    with suppress(ValueError):
        value = decode(text, limits)
        return value if isinstance(value, list) else [value]
    if text.count("\n") > limits.max_nodes:
        return []
    with suppress(ValueError):
        values = [_object(line, limits) for _, line in numbered_lines(text)]
        # The list around the lines is one level that the file does not have.
        return [] if replace(limits, max_depth=limits.max_depth + 1).exceeded_by(values) else values
    return []


def _object(line: str, limits: Limits) -> Json:
    if not line.lstrip(" \t").startswith("{"):
        raise ValueError("perhaps not JSON Lines")
    return decode(line, limits)


def _with_lines(text: str, limits: Limits) -> tuple[Document, ...]:
    """Return the documents of a text with the line number of every part.

    Raises:
        SpecRejectedError: As `read`.
    """
    trees, is_array = _parsed(text, limits)
    problems = _problems(text, trees, is_array=is_array)
    if problems:
        raise SpecRejectedError(first_problems(problems))
    if is_array:
        documents = _split(trees[0])
    else:
        documents = tuple(
            Document(number, tree.value, tree.lines) for number, tree in enumerate(trees, start=1)
        )
    if not documents:
        raise SpecRejectedError([Problem("holds no document; write at least one job")])
    return documents


def _decoded(data: bytes, limits: Limits) -> str:
    if len(data) > limits.max_bytes:
        size = f"larger than {limits.max_bytes} bytes"
        raise SpecRejectedError([Problem(f"{size}; split it into several files")])
    if foreign := detect_bytes_format(data):
        raise SpecRejectedError([Problem(foreign)])
    try:
        text = data.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecRejectedError([Problem("not UTF-8; save it as UTF-8", line=line)]) from None
    if text.startswith(_BYTE_ORDER_MARK):
        message = "begins with more than one byte order mark; save it as UTF-8 without any"
        raise SpecRejectedError([Problem(message, line=1)])
    if "\r" in text:  # a line end in both grammars
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SpecRejectedError([Problem("empty; write at least one job")])
    return text


def _parsed(text: str, limits: Limits) -> tuple[list[Tree], bool]:
    """Return the trees of a text, and whether they are one array of documents."""
    start = text.lstrip()[0]
    if start not in "{[":
        return parse_yaml(text, limits), False
    tree = parse_json(text, limits)
    if tree.faults and is_json_lines(text, limits):
        return parse_json_lines(text, limits), False
    return [tree], start == "["


def _problems(text: str, trees: list[Tree], *, is_array: bool) -> list[Problem]:
    """Return the problems; one in the line of a placeholder is reported as a template."""
    problems = [
        _problem(fault, number, is_array=is_array)
        for number, tree in enumerate(trees, start=1)
        for fault in tree.faults
    ]
    templates = _template_lines(text, {problem.line for problem in problems})
    return [
        replace(problem, message=_NOT_RENDERED) if problem.line in templates else problem
        for problem in problems
    ]


def _template_lines(text: str, wanted: set[int | None]) -> set[int | None]:
    """Return which of the lines hold a template's placeholder."""
    lines: set[int | None] = set()
    line, position = 1, 0
    for placeholder in _TEMPLATE.finditer(text) if wanted else ():
        line += text.count("\n", position, placeholder.start())
        position = placeholder.start()
        if line in wanted:
            lines.add(line)
    return lines


def _problem(fault: SyntaxFault, number: int, *, is_array: bool) -> Problem:
    if not is_array:
        return Problem(fault.message, format_path(fault.path), number, fault.line)
    index = fault.path[0] if fault.path else None
    document = index + 1 if isinstance(index, int) else None
    return Problem(fault.message, format_path(fault.path[1:]), document, fault.line)


def _split(tree: Tree) -> tuple[Document, ...]:
    """Return the items of an array as documents, each with its own line numbers."""
    items = tree.value if isinstance(tree.value, list) else []
    lines: list[dict[Path, int]] = [{} for _ in items]
    for path, line in tree.lines.items():
        if path and isinstance(path[0], int):
            lines[path[0]][path[1:]] = line
    return tuple(Document(index + 1, item, lines[index]) for index, item in enumerate(items))
