"""The manifest in the zip: its packages and the digest of its content."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.packaging.python_runtime import Interpreter, Runtime
    from handler.packaging.wheels import Wheel


def digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of a zip's content: SHA-256 over the SHA-256 and path of each file.

    It hashes the output of `sha256sum` for all files but the manifest, sorted by path. A zip cannot
    contain its own hash, but it can contain this digest.
    """
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest(
    files: Mapping[str, bytes],
    wheels: Iterable[Wheel],
    *,
    runtime: Runtime,
    interpreter: Interpreter | None,
    version: str,
) -> bytes:
    """Return the manifest's JSON.

    Args:
        files: All other files of the zip.
        wheels: The packages in the zip.
        runtime: The runtime that the zip is built for.
        interpreter: The interpreter that compiled its bytecode, None if it has none.
        version: Nightdrop's version.
    """
    content = {
        "code": digest(files),
        "nightdrop": version,
        "runtime": runtime.name,
        "bytecode": interpreter.version if interpreter else None,
        "packages": [
            {
                "name": wheel.name,
                "version": wheel.version,
                "sha256": wheel.sha256,
                "modules": modules(wheel),
            }
            for wheel in wheels
        ],
    }
    return f"{json.dumps(content, indent=2)}\n".encode()


def modules(wheel: Wheel) -> list[str]:
    """Return the names a wheel's packages and modules are imported by."""
    tops = {name.partition("/")[0] for name in wheel.files if name.endswith((".py", ".so"))}
    return sorted(top.partition(".")[0] for top in tops if not top.endswith((".data", ".libs")))
