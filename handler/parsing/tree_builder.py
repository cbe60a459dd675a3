"""Tree: builds a value from a parser's events, without recursion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from handler.parsing.document import MAX_DIGITS, MAX_PROBLEMS, NOT_UNICODE, SURROGATE

if TYPE_CHECKING:
    from handler.parsing.document import Limits, Path
    from handler.values.canonical_json import Json

OpenContainer: TypeAlias = "list[Json] | dict[str, Json]"

NOT_SENT_AS_WRITTEN = (
    "this number would be sent with another spelling; put it in quotes if it is text, "
    "else write it plainly: 0.5, 1000"
)


class HaltError(Exception):
    """The rest of the text cannot be read; the tree's last problem says why."""


@dataclass(frozen=True)
class SyntaxProblem:
    """One error in a text, with its path from the outermost value."""

    message: str
    path: Path
    line: int


@dataclass
class _Frame:
    """An open mapping or list."""

    container: OpenContainer
    path: Path
    key: str | None = None
    key_line: int = 0


class Tree:
    """Builds one value from a parser's events and records the line of every part.

    Attributes:
        value: The finished value; None until the first event.
        lines: The line of each part, from 1; for an entry of a mapping, that of its key.
        problems: The errors so far. After any error, `value` is incomplete.
        nodes: Values counted so far, including earlier trees of the file.
        problem_count: Problems counted so far, including earlier trees of the file.
    """

    def __init__(self, limits: Limits, nodes: int = 0, problem_count: int = 0) -> None:
        self.value: Json = None
        self.lines: dict[Path, int] = {}
        self.problems: list[SyntaxProblem] = []
        self.nodes = nodes
        self.problem_count = problem_count
        self._limits = limits
        self._open: list[_Frame] = []

    @property
    def wants_key(self) -> bool:
        """Whether the next scalar is a key."""
        return bool(self._open) and self.in_mapping and self._open[-1].key is None

    @property
    def in_mapping(self) -> bool:
        """Whether the innermost open container is a mapping."""
        return bool(self._open) and isinstance(self._open[-1].container, dict)

    @property
    def is_open(self) -> bool:
        """Whether a mapping or list is still open."""
        return bool(self._open)

    def key(self, text: str, line: int) -> None:
        """Add the key of the next value."""
        frame = self._open[-1]
        path = (*frame.path, text)
        if SURROGATE.search(text):
            self.note(f"a key {NOT_UNICODE}", line, frame.path)
        if isinstance(frame.container, dict) and text in frame.container:
            first = self.lines[path]
            self.note(f"duplicate key, first in line {first}; keep one", line, path)
        frame.key, frame.key_line = text, line

    def add(self, value: Json, line: int) -> None:
        """Add a scalar."""
        self._place(value, line)
        if isinstance(value, str) and SURROGATE.search(value):
            self.note(NOT_UNICODE, line, self._last)

    def add_number(self, text: str, line: int) -> None:
        """Add a decimal number; note a problem if it would be sent with another spelling."""
        digits = text.lstrip("-")
        if len(digits) > MAX_DIGITS and digits.isdigit():
            self.add(0, line)
            self.note(f"an integer of more than {MAX_DIGITS} digits", line, self._last)
            return
        number = int(text) if digits.isdigit() else float(text)
        self.add(number, line)
        if isinstance(number, float) and not math.isfinite(number):
            self.note("a number too large for a float", line, self._last)
        elif repr(number) != text:
            self.note(NOT_SENT_AS_WRITTEN, line, self._last)

    def begin(self, container: OpenContainer, line: int) -> None:
        """Open a mapping or a list, given as an empty container."""
        self._place(container, line)
        self._open.append(_Frame(container, self._last))
        if len(self._open) > self._limits.max_depth:
            self.halt(f"nested more than {self._limits.max_depth} levels deep", line)

    def end(self) -> None:
        """Close the innermost mapping or list."""
        self._open.pop()

    def note(self, message: str, line: int, path: Path | None = None) -> None:
        """Record a problem and continue; without a path it belongs to the part being read.

        Raises:
            HaltError: There are more problems than are shown.
        """
        self.problems.append(SyntaxProblem(message, self._here() if path is None else path, line))
        self.problem_count += 1
        if self.problem_count > MAX_PROBLEMS:
            raise HaltError

    def halt(self, message: str, line: int) -> NoReturn:
        """Record a problem after which nothing can be read.

        After a grammar error a value may have been read as a key, and could be a secret: only the
        index in an outermost list, which is the document's number, stays in the path.

        Raises:
            HaltError: Always.
        """
        outermost = tuple(step for step in self._here()[:1] if isinstance(step, int))
        self.note(message, line, outermost)
        raise HaltError

    def _here(self) -> Path:
        if not self._open:
            return ()
        frame = self._open[-1]
        if isinstance(frame.container, list) or frame.key is None:
            return frame.path
        return (*frame.path, frame.key)

    def _place(self, value: Json, line: int) -> None:
        self.nodes += 1
        if self.nodes > self._limits.max_nodes:
            self.halt(f"more than {self._limits.max_nodes} values; split the file", line)
        if not self._open:
            self._last: Path = ()
            self.value = value
        else:
            line = self._enter(self._open[-1], value, line)
        self.lines.setdefault(self._last, line)

    def _enter(self, frame: _Frame, value: Json, line: int) -> int:
        if isinstance(frame.container, list):
            self._last = (*frame.path, len(frame.container))
            frame.container.append(value)
            return line
        key = frame.key or ""
        self._last = (*frame.path, key)
        frame.container[key] = value
        frame.key = None
        return frame.key_line
