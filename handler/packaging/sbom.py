"""The bill of materials, a file beside the zip: CycloneDX 1.6 (cyclonedx.org/docs/1.6/json)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.packaging.wheels import Wheel

_NAMESPACE = uuid.UUID("6d6c1f0e-7a0c-5d4e-9d4b-1f1a2b6c8e35")


def sbom(wheels: Sequence[Wheel], *, version: str, sha256: str) -> bytes:
    """Return the bill of materials of a zip; equal zips have equal ones.

    Args:
        wheels: The packages in the zip.
        version: Nightdrop's version.
        sha256: The hash of the zip itself, in hex.
    """
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
