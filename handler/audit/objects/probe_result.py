"""Whether the store behind a log in objects was seen to keep what the log relies on.

That an append at a taken position is refused, to all but one of many at once, and seen by whoever
reads after it, is what OBS's documentation says; nobody has proved it for a given bucket before
`nightdrop audit probe` has tried. What it found stands beside the log, in `probe.passed`.
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
"""The object that says so."""


def missing_probe(objects: ObjectStore) -> str:
    """Return a sentence that says what rests on documentation alone, "" if it was tried."""
    try:
        if objects.read(PROOF) is not None:
            return ""
    except CloudError as error:
        return f"{objects.place}: whether the log's guarantees were tried is not known: {error}"
    return (
        f"{objects.place}: that OBS lets one of several appends at a position win, and shows it to "
        f"whoever reads next, rests on its documentation alone; try it on this bucket with "
        f"`nightdrop audit probe {objects.place}`"
    )


def save_probe_result(objects: ObjectStore, passed: Sequence[str]) -> None:
    """Write down that everything was tried, and held.

    Raises:
        CloudError: It cannot be written.
    """
    proof: dict[str, Any] = {"at": timestamp(objects.now()), "passed": list(passed)}
    objects.write(PROOF, json.dumps(proof, indent=2).encode())
