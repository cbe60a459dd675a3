"""The result of `nightdrop audit probe`, in the object `probe.passed` beside the log.

The log relies on what the documentation of OBS says of appends: of several at one position exactly
one succeeds, and the next read returns it. The probe tests that on the bucket itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from handler.errors import CloudError
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.objects.object_store import ObjectStore

PROOF = "probe.passed"
"""The name of the object."""


def missing_probe(objects: ObjectStore) -> str:
    """Return a warning if the bucket was never probed, else ""."""
    try:
        if objects.read(PROOF) is not None:
            return ""
    except CloudError as error:
        return f"{objects.place}: it is unknown whether the bucket was probed: {error}"
    return (
        f"{objects.place}: this bucket was not probed; that one of several appends at a position "
        "wins, and that the next read returns it, is known from the documentation alone: run "
        f"`nightdrop audit probe {objects.place}`"
    )


def save_probe_result(objects: ObjectStore, passed: Sequence[str]) -> None:
    """Record that all checks passed.

    Raises:
        CloudError: The object cannot be written.
    """
    proof: dict[str, Any] = {"at": timestamp(objects.now()), "passed": list(passed)}
    objects.write(PROOF, json.dumps(proof, indent=2).encode())
