"""Reads documents with the line number of every part: YAML, and JSON that messages are about.

It is slow and loads a parser of YAML, so texts that are certainly valid JSON do not come here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.errors import Problem, SpecRejectedError
from handler.parsing.document import Document, Path, first_problems, format_path
from handler.parsing.json_parser import is_json_lines, parse_json, parse_json_lines

if TYPE_CHECKING:
    from handler.parsing.document import Limits
    from handler.parsing.tree_builder import SyntaxProblem, Tree

_TEMPLATE = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^%\n]*%\}")
_NOT_RENDERED = "a template that was not rendered: a placeholder is left here; fill it in"


def read_with_lines(text: str, limits: Limits) -> tuple[Document, ...]:
    """Return the documents of a text with the line number of every part.

    Raises:
        SpecRejectedError: The text cannot be read; it lists as many problems as were found.
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


def _parsed(text: str, limits: Limits) -> tuple[list[Tree], bool]:
    """Return the trees of a text, and whether they are one array of documents."""
    start = text.lstrip()[0]
    if start not in "{[":
        from handler.parsing.yaml_parser import parse_yaml

        return parse_yaml(text, limits), False
    tree = parse_json(text, limits)
    if tree.problems and is_json_lines(text, limits):
        return parse_json_lines(text, limits), False
    return [tree], start == "["


def _problems(text: str, trees: list[Tree], *, is_array: bool) -> list[Problem]:
    """Return the problems; one in the line of a placeholder is reported as a template."""
    problems = [
        _problem(problem, number, is_array=is_array)
        for number, tree in enumerate(trees, start=1)
        for problem in tree.problems
    ]
    templates = _template_lines(text, {problem.line for problem in problems})
    return [
        problem._replace(message=_NOT_RENDERED) if problem.line in templates else problem
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


def _problem(problem: SyntaxProblem, number: int, *, is_array: bool) -> Problem:
    if not is_array:
        return Problem(problem.message, format_path(problem.path), number, problem.line)
    index = problem.path[0] if problem.path else None
    document = index + 1 if isinstance(index, int) else None
    return Problem(problem.message, format_path(problem.path[1:]), document, problem.line)


def _split(tree: Tree) -> tuple[Document, ...]:
    """Return the items of an array as documents, each with its own line numbers."""
    items = tree.value if isinstance(tree.value, list) else []
    lines: list[dict[Path, int]] = [{} for _ in items]
    for path, line in tree.lines.items():
        if path and isinstance(path[0], int):
            lines[path[0]][path[1:]] = line
    return tuple(Document(index + 1, item, lines[index]) for index, item in enumerate(items))
