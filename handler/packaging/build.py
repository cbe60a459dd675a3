"""Builds the zip, its manifest and its bill of materials from pinned requirements and source."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import PackageError
from handler.packaging.manifest import digest, manifest, sbom
from handler.packaging.python_runtime import compiled
from handler.packaging.requirements_file import Requirement, chosen, parse_requirements, render
from handler.packaging.wheels import fetch
from handler.packaging.zip_contents import archive, contents
from handler.runtime.startup_record import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Collection

    from handler.packaging.python_runtime import Interpreter, Runtime


@dataclass(frozen=True)
class Sources:
    """The input of a build: our package, the entry file and requirements, our version."""

    package: Path
    infra: Path
    version: str


@dataclass(frozen=True)
class Built:
    """A zip in memory, its bill of materials as JSON, and its unpacked size in bytes.

    `code` is the digest of its content, recorded in its manifest and in every `function.started`.
    """

    zip: bytes
    sha256: str
    code: str
    bill: bytes
    unpacked: int


def build(
    sources: Sources, runtime: Runtime, extras: Collection[str], interpreter: Interpreter | None
) -> Built:
    """Return the zip of the function for a runtime; without an interpreter it has no bytecode.

    Raises:
        PackageError: Requirements are missing or wrong, or cannot be fetched.
    """
    locked = parse_requirements(_text(sources.infra / runtime.requirements), locked=True)
    with tempfile.TemporaryDirectory() as folder:
        wheels = fetch(chosen(locked, extras), runtime, Path(folder))
    files = contents(sources.package, sources.infra / "index.py", wheels)
    if interpreter:
        files |= compiled(files, interpreter)
    code = digest(files)
    description = manifest(
        code, wheels, runtime=runtime, interpreter=interpreter, version=sources.version
    )
    data = archive(files | {MANIFEST: description})
    sha256 = hashlib.sha256(data).hexdigest()
    return Built(
        zip=data,
        sha256=sha256,
        code=code,
        bill=sbom(wheels, version=sources.version, sha256=sha256),
        unpacked=sum(map(len, files.values())),
    )


def lock(infra: Path, runtime: Runtime) -> str:
    """Return the text of a runtime's requirements with the hashes of their wheels.

    Raises:
        PackageError: The pins cannot be read, or their wheels cannot be fetched.
    """
    pins = parse_requirements(_text(infra / "requirements.in"), locked=False)
    with tempfile.TemporaryDirectory() as folder:
        wheels = fetch(pins, runtime, Path(folder))
    return render(
        [Requirement(wheel.name, wheel.version, wheel.sha256) for wheel in wheels], runtime.name
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PackageError(
            f"{path.name} is not in {path.parent.name}/; run this in a checkout of Nightdrop"
        ) from error
