"""Pinned requirements and the hashes their wheels must have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import is_normalized_name
from packaging.version import Version

from handler.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

EXTRAS = {
    "postgres": frozenset({"psycopg", "psycopg-binary"}),
    "sign": frozenset({"cryptography", "cffi", "pycparser"}),
}
"""Packages that the zip contains only on request."""

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Requirement:
    """One pinned package, by its normalised name; before it is locked, its hash is ""."""

    name: str
    version: str
    sha256: str = ""

    @property
    def pin(self) -> str:
        """The requirement without its hash."""
        return f"{self.name}=={self.version}"

    @property
    def line(self) -> str:
        """The requirement as a line of a locked requirements file."""
        return f"{self.pin} --hash=sha256:{self.sha256}"


def parse_requirements(text: str, *, locked: bool) -> tuple[Requirement, ...]:
    """Return the requirements in a file's text; each must have a hash if they are `locked`.

    Raises:
        PackageError: A line is neither a comment nor a pinned requirement.
    """
    found = []
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            found.append(_requirement(line, locked=locked))
        except ValueError as error:
            wanted = (
                "name==version --hash=sha256:…, as --lock writes it" if locked else "name==version"
            )
            raise PackageError(f"line {number} of the requirements must be {wanted}") from error
    return tuple(found)


def _requirement(line: str, *, locked: bool) -> Requirement:
    pin, _, sha256 = line.partition(" --hash=sha256:")
    name, _, version = pin.partition("==")
    if not is_normalized_name(name) or (locked and not _SHA256.fullmatch(sha256)):
        raise ValueError(line)
    return Requirement(name, str(Version(version)), sha256)


def chosen(requirements: Iterable[Requirement], extras: Collection[str]) -> tuple[Requirement, ...]:
    """Return the requirements of a zip with these extras, in the order of their names."""
    left_out = frozenset[str]().union(*(EXTRAS[name] for name in EXTRAS.keys() - set(extras)))
    kept = (each for each in requirements if each.name not in left_out)
    return tuple(sorted(kept, key=lambda each: each.name))


def render(requirements: Sequence[Requirement], runtime: str) -> str:
    """Return the text of a file of locked requirements."""
    head = (
        f"# What the zip for {runtime} holds, and the SHA-256 of each wheel.\n"
        f"# Written by: nightdrop package --runtime {runtime} --lock\n"
    )
    return head + "".join(f"{each.line}\n" for each in sorted(requirements, key=lambda r: r.name))
