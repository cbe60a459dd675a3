"""The Terraform files of a folder, as they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import hcl2
from hcl2 import SerializationOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PLAIN = SerializationOptions(strip_string_quotes=True, with_comments=False)


@dataclass(frozen=True)
class Resource:
    """A resource block: its type, its name, and its arguments and blocks as they are written."""

    type: str
    name: str
    body: Mapping[str, Any]

    @property
    def address(self) -> str:
        """How other blocks refer to it."""
        return f"{self.type}.{self.name}"


@dataclass(frozen=True)
class Configuration:
    """The Terraform files directly in a folder."""

    folder: Path

    @property
    def texts(self) -> dict[str, str]:
        """The files' texts by name."""
        return {path.name: path.read_text() for path in sorted(self.folder.glob("*.tf"))}

    def blocks(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the blocks of a kind, each by its first label."""
        for text in self.texts.values():
            yield from _parsed(text).get(kind, ())

    def names(self, kind: str) -> frozenset[str]:
        """Return the labels of the blocks of a kind: variables, outputs."""
        return frozenset(name for block in self.blocks(kind) for name in block)

    def resources(self) -> list[Resource]:
        """Return the resources."""
        return [
            Resource(kind, name, body)
            for block in self.blocks("resource")
            for kind, named in block.items()
            for name, body in named.items()
        ]

    def module(self, name: str) -> dict[str, Any]:
        """Return the arguments of a module's call."""
        found: dict[str, Any] = next(b[name] for b in self.blocks("module") if name in b)
        return written(found)

    def matches(self, pattern: str) -> set[tuple[str, ...]]:
        """Return the matches of a pattern's groups in the files, comments left out."""
        code = "\n".join(re.sub(r"(^|\s)#.*", "", text) for text in self.texts.values())
        return {match.groups() for match in re.finditer(pattern, code)}


def written(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a block's arguments without what the parser adds."""
    return {name: value for name, value in body.items() if not name.startswith("__")}


@lru_cache(maxsize=256)
def _parsed(text: str) -> dict[str, Any]:
    return hcl2.loads(text, serialization_options=_PLAIN)
