"""The record of an instance's start: the digest of its code, its Python, clashing packages."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from handler.audit.log import Decide, View

MANIFEST = "nightdrop-package.json"
"""The name of the manifest at the root of the zip."""


class Startup(NamedTuple):
    """What runs.

    Attributes:
        code: The digest of the zip's content; "" outside a zip.
        python: The interpreter's version.
        sqlite: The version of its SQLite.
        conflicting_packages: Packages that came from elsewhere than the zip, a sentence each.
    """

    code: str
    python: str
    sqlite: str
    conflicting_packages: tuple[str, ...]

    @property
    def note(self) -> str:
        """The conflicts in one line."""
        return "; ".join(self.conflicting_packages)


def read_startup(root: Path, loaded: Mapping[str, ModuleType]) -> Startup:
    """Return what runs from a folder."""
    manifest = _manifest(root)
    return Startup(
        code=str(manifest.get("code", "")),
        python=".".join(map(str, sys.version_info[:3])),
        sqlite=sqlite3.sqlite_version,
        conflicting_packages=tuple(_conflicting_packages(manifest, root, loaded)),
    )


def record_start(started: Startup) -> Decide[None]:
    """Decide to record that an instance started."""

    def decide(_view: View) -> Decision[None]:
        part = {"code": started.code or None, "python": started.python, "sqlite": started.sqlite}
        draft = Draft("function.started", "success", function=part, note=started.note)
        return Decision(None, (draft,))

    return decide


def _manifest(root: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _conflicting_packages(
    manifest: dict[str, Any], root: Path, loaded: Mapping[str, ModuleType]
) -> Iterator[str]:
    """Yield a sentence for each package of the zip that was imported from elsewhere."""
    for package in manifest.get("packages", ()):
        for name in package["modules"]:
            module = loaded.get(name)
            place = getattr(module, "__file__", None)
            if place is None or Path(place).is_relative_to(root):
                continue
            version = getattr(module, "__version__", "of unknown version")
            yield (
                f"{package['name']} is the platform's ({version}), not the zip's "
                f"({package['version']})"
            )
