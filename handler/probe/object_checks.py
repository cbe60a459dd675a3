"""What a prefix in OBS shows: lists right after a change, and appends at a position."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from handler.audit.objects.conformance_probe import probe
from handler.errors import CloudError
from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.audit.objects.object_store import ObjectStore

_ROUNDS = 5
_LISTS = "object list"
_ASSUMED = "has an object right after it was put, and not after it was deleted"


def object_facts(objects: ObjectStore) -> Iterator[Fact]:
    """Yield what the objects under a prefix show; the probe's own are deleted."""
    yield _lists(objects)
    for check in probe(objects):
        yield compared(
            f"OBS: {check.name}",
            "holds",
            check.found or "holds",
            same=check.passed,
            change="keep no log in this bucket: `nightdrop audit probe` tells more",
        )


def _lists(objects: ObjectStore) -> Fact:
    names = [f"probe/{uuid.uuid4().hex}" for _ in range(_ROUNDS)]
    missing = left = 0
    try:
        for name in names:
            objects.write(name, b"probe of Nightdrop")
            missing += name not in set(objects.names())
            objects.delete(name)
            left += name in set(objects.names())
    except CloudError as error:
        return unseen(_LISTS, _ASSUMED, str(error))
    seen = f"{missing} of {_ROUNDS} new objects were missing, {left} deleted ones were listed"
    return compared(
        _LISTS,
        _ASSUMED,
        seen if missing or left else _ASSUMED,
        same=not missing and not left,
        change="nothing: the bucket scan finds a file in a later run; checkpoints and the log "
        "are read by their names",
    )
