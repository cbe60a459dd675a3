"""The manifest in the zip, and the bill of materials beside it (CycloneDX 1.6)."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from handler.packaging.python_runtime import Interpreter, Runtime
    from handler.packaging.wheels import Wheel

_NAMESPACE = uuid.UUID("6d6c1f0e-7a0c-5d4e-9d4b-1f1a2b6c8e35")


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
    """Return the manifest's JSON; `files` are all other files of the zip."""
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


def sbom(wheels: Sequence[Wheel], *, version: str, sha256: str) -> bytes:
    """Return the bill of materials of a zip with this SHA-256; equal zips have equal ones."""
    root = f"nightdrop@{version}"
    components = [_component(wheel) for wheel in wheels]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, sha256)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "nightdrop",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [_hash(sha256)],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": root, "dependsOn": [component["bom-ref"] for component in components]}
        ],
    }
    return f"{json.dumps(bill, indent=2)}\n".encode()


def _component(wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    licences = [{"license": {"name": wheel.licence}}] if wheel.licence else []
    return {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [_hash(wheel.sha256)],
        **({"licenses": licences} if licences else {}),
    }


def _hash(sha256: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": sha256}
