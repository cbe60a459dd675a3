"""The manifest in the zip, and the bill of materials beside it (CycloneDX 1.6)."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING

from handler.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cyclonedx.model import HashType
    from cyclonedx.model.component import Component

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
    code: str,
    wheels: Iterable[Wheel],
    *,
    runtime: Runtime,
    interpreter: Interpreter | None,
    version: str,
) -> bytes:
    """Return the manifest's JSON; `code` is the digest of all other files of the zip."""
    content = {
        "code": code,
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
    """Return the bill of materials of a zip with this SHA-256; equal zips have equal ones.

    Raises:
        PackageError: The library that writes it is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.model.license import DisjunctiveLicense
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError as error:
        raise PackageError(
            "the bill of materials needs cyclonedx-python-lib: install the extra `local` of this "
            "checkout, as `make demo` does"
        ) from error
    root = Component(
        type=ComponentType.APPLICATION,
        bom_ref=f"nightdrop@{version}",
        name="nightdrop",
        version=version,
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
        hashes=_hashes(sha256),
    )
    packages = [_component(wheel) for wheel in wheels]
    bill = Bom(components=packages, serial_number=uuid.uuid5(_NAMESPACE, sha256))
    bill.metadata.component = root
    bill.metadata.timestamp = None  # type: ignore[assignment] # equal zips have equal bills
    bill.register_dependency(root, packages)
    return f"{JsonV1Dot6(bill).output_as_string(indent=2)}\n".encode()


def _component(wheel: Wheel) -> Component:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, wheel.name, wheel.version)
    return Component(
        bom_ref=str(purl),
        name=wheel.name,
        version=wheel.version,
        purl=purl,
        licenses=[DisjunctiveLicense(name=wheel.licence)] if wheel.licence else [],
        hashes=_hashes(wheel.sha256),
    )


def _hashes(sha256: str) -> list[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
