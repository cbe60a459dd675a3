"""The result of `nightdrop audit probe`, in the object `probe.passed` beside the log.

The log relies on what the documentation of OBS says of appends: of several at one position exactly
one succeeds, and the next read returns it. The probe tests that on the bucket itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from handler.errors import CloudError
from handler.values.canonical_json import timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.audit.objects.object_store import ObjectStore

PROOF = "probe.passed"
"""The name of the object."""


class Doubt(NamedTuple):
    """What is not certain about a store, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def missing_probe(objects: ObjectStore) -> Doubt | None:
    """Return that the bucket was never probed; None if it was."""
    try:
        if objects.read(PROOF) is not None:
            return None
    except CloudError as error:
        what = f"{objects.place}: it is unknown whether the bucket was probed: {error}"
        return Doubt(what, "check again later")
    return Doubt(
        f"{objects.place}: this bucket was not probed: that one of several appends at a position "
        "wins, and that the next read returns it, is known from the documentation alone",
        f"run `nightdrop audit probe {objects.place}`",
    )


def save_probe_result(objects: ObjectStore, passed: Sequence[str]) -> None:
    """Record that all checks passed.

    Raises:
        CloudError: The object cannot be written.
    """
    proof: dict[str, Any] = {"at": timestamp(objects.now()), "passed": list(passed)}
    objects.write(PROOF, json.dumps(proof, indent=2).encode())
