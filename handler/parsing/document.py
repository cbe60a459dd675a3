"""Document: one parsed document of a file, and where each of its parts stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from handler.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handler.values.canonical_json import Json

Path: TypeAlias = tuple[str | int, ...]

MOST_PROBLEMS = 100

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Limits:
    """How much is read of one file, inline spec or event.

    Attributes:
        max_bytes: Bytes of the text, checked before anything is parsed.
        max_depth: Levels of mappings and lists inside each other.
        max_nodes: Values in all documents together.
    """

    max_bytes: int = 262_144
    max_depth: int = 32
    max_nodes: int = 20_000


class LinesOnDemand(Mapping[Path, int]):
    """The lines of one document, read when one is first asked for.

    Args:
        read: Reads the lines of all documents of the file.
        place: The document's place in the file, from 0.
    """

    def __init__(self, read: Callable[[], Sequence[Mapping[Path, int]]], place: int) -> None:
        self._read, self._place = read, place

    def __getitem__(self, path: Path) -> int:
        """Return the line of a part."""
        return self._read()[self._place][path]

    def __iter__(self) -> Iterator[Path]:
        """Yield the path of every part."""
        return iter(self._read()[self._place])

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._read()[self._place])


@dataclass(frozen=True)
class Document:
    """One document of a file.

    Attributes:
        number: Its place in the file, from 1. Empty YAML documents are not counted.
        value: What it holds; the text is valid Unicode and the numbers are finite.
        lines: The line, from 1, of each part; for an entry of a mapping, the line of its key.
    """

    number: int
    value: Json
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int | None:
        """Return the line of a part, or of the nearest part around it that exists."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return None


def path_text(path: Path) -> str:
    """Return a path as people write it: `job_content.targets[2].target_id`.

    A key that is no short plain name is shown as `?`: it may be a value in the wrong place.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_NAME.fullmatch(part) else "?"
            text += f".{name}" if text else name
    return text


def at_most(problems: Iterable[Problem], most: int = MOST_PROBLEMS) -> tuple[Problem, ...]:
    """Return the first problems, and one that says so where there are more.

    Of an iterator no more is taken than that needs, so what is not shown is not looked for.
    """
    found = tuple(islice(problems, most + 1))
    if len(found) <= most:
        return found
    return (*found[:most], Problem(f"and more; only the first {most} are shown"))
