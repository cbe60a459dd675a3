"""Fetches the wheels of the requirements for a runtime with pip, and checks their hashes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.metadata import parse_email
from packaging.utils import parse_wheel_filename

from handler.errors import PackageError
from handler.packaging.python_runtime import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from handler.packaging.python_runtime import Runtime
    from handler.packaging.requirements_file import Requirement

_LONGEST_REASON = 600


@dataclass(frozen=True)
class Wheel:
    """A package, unpacked from its wheel: its files by path, and its normalised name.

    `licence` is an SPDX expression or free text; "" if it names none.
    """

    name: str
    version: str
    sha256: str
    licence: str
    files: dict[str, bytes]


def fetch(requirements: Iterable[Requirement], runtime: Runtime, folder: Path) -> list[Wheel]:
    """Return the wheels of pinned requirements for a runtime, in the order of their names.

    They are fetched into an empty folder. Hashes are checked; without, any wheel of the version is
    taken.

    Raises:
        PackageError: pip could not fetch one, or a hash differs.
    """
    wanted = list(requirements)
    locked = all(each.sha256 for each in wanted)
    listed = folder / "requirements.txt"
    listed.write_text(
        "".join(f"{each.line if locked else each.pin}\n" for each in wanted), encoding="utf-8"
    )
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"),
        *("--disable-pip-version-check", "--only-binary=:all:", "--implementation=cp"),
        *(f"--python-version={runtime.version}", f"--platform={PLATFORM}"),
        *("--dest", str(folder), "--requirement", str(listed)),
        *(("--require-hashes",) if locked else ()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip
    if done.returncode:
        raise PackageError(f"pip could not fetch the packages:\n{_reason(done.stderr)}")
    return sorted(map(read_wheel, folder.glob("*.whl")), key=lambda wheel: wheel.name)


def read_wheel(path: Path) -> Wheel:
    """Return the wheel in a file."""
    data = path.read_bytes()
    name, version, _, _ = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        files = {
            item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()
        }
    metadata = next(data for name, data in files.items() if name.endswith(".dist-info/METADATA"))
    return Wheel(
        name=name,
        version=str(version),
        sha256=hashlib.sha256(data).hexdigest(),
        licence=_licence(metadata),
        files=files,
    )


def _licence(metadata: bytes) -> str:
    known, _ = parse_email(metadata)
    licence = known.get("license_expression") or known.get("license") or ""
    return licence if "\n" not in licence else ""


def _reason(stderr: str) -> str:
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return "\n".join(errors)[:_LONGEST_REASON] or "it gave no reason; check the network"
