"""Document: one parsed document of a file, with the line of each of its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from handler.errors import Problem
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from handler.values.canonical_json import Json

Path: TypeAlias = tuple[str | int, ...]

MAX_PROBLEMS = 100

MAX_DIGITS = 4300  # Python's own limit for converting text to an integer

SURROGATE = re.compile(r"[\ud800-\udfff]")
NOT_UNICODE = "holds half of a surrogate pair, which is not a character; write the character itself"

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class Limits(NamedTuple):
    """Limits of one file, inline spec or event.

    Attributes:
        max_bytes: Bytes of the text, checked before it is parsed.
        max_depth: Levels of nested mappings and lists.
        max_nodes: Values in all documents together.
    """

    max_bytes: int = 262_144
    max_depth: int = 32
    max_nodes: int = 20_000

    def hold(self, text: str) -> bool:
        """Return whether the value of a JSON text is certainly within the limits.

        A value is the first, follows a comma, or is the first in its brackets; a text within the
        value counts as if its marks were marks of JSON.
        """
        opened = text.count("{") + text.count("[")
        within = opened <= self.max_depth and opened + text.count(",") < self.max_nodes
        return within and len(text) <= self.max_bytes

    def exceeded_by(self, value: object) -> str:
        """Return the limit that a decoded value exceeds, such as `holds more than 9 values`.

        Its characters are counted, not its bytes. The value is visited level by level and counted
        before it is visited, so that neither depth nor width costs memory.
        """
        level: list[object] = [value]
        nodes, characters = 1, 0
        for depth in range(self.max_depth + 1):
            more, containers = _contents(level)
            characters += more
            nodes += sum(map(len, containers))
            if nodes > self.max_nodes:
                return f"holds more than {self.max_nodes} values"
            if characters > self.max_bytes:
                return f"has more than {self.max_bytes} bytes"
            if not containers:
                break
            if depth == self.max_depth:
                return f"is nested more than {self.max_depth} levels deep"
            level = [inside for part in containers for inside in part]
        return ""


def _contents(level: list[object]) -> tuple[int, list[Collection[object]]]:
    """Return the characters of all texts of one level, keys included, and what its parts hold."""
    characters = 0
    containers: list[Collection[object]] = []
    for part in level:
        if isinstance(part, str):
            characters += len(part)
        elif isinstance(part, dict):
            characters += sum(len(key) for key in part if isinstance(key, str))
            containers.append(part.values())
        elif isinstance(part, list):
            containers.append(part)
    return characters, containers


class LazyLines(Mapping[Path, int]):
    """The line numbers of one document, determined at the first access.

    Args:
        read: Returns the line numbers of all documents of the file.
        index: The document's index in the file, from 0.
    """

    def __init__(self, read: Callable[[], Sequence[Mapping[Path, int]]], index: int) -> None:
        self._read, self._index = read, index

    def __getitem__(self, path: Path) -> int:
        """Return the line of a part."""
        return self._read()[self._index][path]

    def __iter__(self) -> Iterator[Path]:
        """Yield the path of every part."""
        return iter(self._read()[self._index])

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._read()[self._index])


class Document(NamedTuple):
    """One document of a file.

    Attributes:
        number: Its number in the file, from 1. Empty YAML documents are not counted.
        value: Its content; the text is valid Unicode and the numbers are finite.
        lines: The line, from 1, of each part; for an entry of a mapping, the line of its key.
    """

    number: int
    value: Json
    lines: Mapping[Path, int] = MappingProxyType({})

    def line_of(self, path: Path) -> int | None:
        """Return the line of a part, or of its nearest enclosing part that exists."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return None


def format_path(path: Path) -> str:
    """Return a path as text: `job_content.targets[2].target_id`.

    A key that is not a short plain name becomes `?`: it may be a misplaced value, even a secret.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_NAME.fullmatch(part) else "?"
            text += f".{name}" if text else name
    return text


AND_MORE = "and more"
"""How the line begins that stands for the problems that are not shown."""


def first_problems(problems: Iterable[Problem], most: int = MAX_PROBLEMS) -> tuple[Problem, ...]:
    """Return the first problems, with a last one that says so if there are more.

    An iterator is consumed only that far, so that no time is spent on problems that are not shown.
    """
    first = tuple(islice(problems, most + 1))
    if len(first) <= most:
        return first
    return (*first[:most], Problem(f"{AND_MORE}; only the first {most} are shown"))
