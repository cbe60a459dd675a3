"""What happened in a simulated run, as its records tell it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.triggers.object_event import APPROVAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from handler.audit.record import Fields
    from handler.values.canonical_json import Json

_WITH_ROLLOUT = {"job.pausing": "pause", "job.resuming": "resume"}


def occurrences(records: Iterable[Fields]) -> Counter[str]:
    """Return how often everything happened that is counted."""
    counted = Counter[str]()
    planned = ""
    for fields in records:
        counted.update(_deliveries(fields))
        counted.update(_jobs(fields, planned))
        planned = str(fields["commit"]) if fields["action"] == "delivery.planned" else planned
    return counted


def _deliveries(fields: Fields) -> Iterator[str]:
    """Yield what a record tells of a delivery, or of its result file."""
    action, source = str(fields["action"]), part(fields, "source")
    counted = {
        "delivery.received": {
            "delivered again after a refusal": _note(fields).startswith("delivered again:"),
            "found by a scan": source.get("shape") == "discovered",
        },
        "delivery.rejected": {
            "an approval that counts for nothing": _is_approval(source),
            "refused by the policy": "rule" in part(fields, "delivery"),
        },
        "delivery.approved": {"approved by a file": bool(source)},
        "delivery.ignored": {"written again after its event": "read_differs" in source},
        "result.written": {"result file written": True},
        "result.failed": {"result file failed": True},
    }
    yield from (name for name, is_so in counted.get(action, {}).items() if is_so)


def _note(fields: Fields) -> str:
    return str(fields.get("note"))


def _is_approval(source: Mapping[str, Json]) -> bool:
    return str(source.get("key")).endswith(APPROVAL_SUFFIX)


def _jobs(fields: Fields, planned: str) -> Iterator[str]:
    """Yield what a record tells of a job; `planned` is the commit of the latest plan."""
    action, actor = str(fields["action"]), part(fields, "actor")
    if action == "job.sending" and fields["commit"] == planned:
        yield "claimed with its plan"
    name: Any = _WITH_ROLLOUT.get(action)
    if name and actor.get("kind") == "rollout":
        yield f"{name} with its rollout"
