"""Invariants of dropped files, and their violations: each is looked at, and has its result."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from handler.audit.record import part
from handler.values.canonical_json import moment, short_key
from tests.faults.simulation.simulated_files import BUCKET, RESULT, SPEC
from tests.faults.simulation.simulated_time import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.simulation.simulated_world import World

_DECIDED = frozenset({"delivery.planned", "delivery.rejected", "spec.rejected"})
_SHOWN = {
    "planned": frozenset({"completed", "submitted", "deferred", "partial", "rejected"}),
    "rejected": frozenset({"rejected"}),
    "ignored": frozenset({"ignored"}),
}
"""The outcomes that a result file may show of a delivery in a state."""

_SCANNED = timedelta(seconds=600)
"""How long a scan may be in coming, once nothing goes wrong any more."""


def unscanned(world: World) -> Iterator[str]:
    """Yield the spec that was written last, if nobody has looked at it.

    One that was too old when the first scan after the faults came is not run any more.
    """
    spec, records = world.obs.objects.get((BUCKET, SPEC)), list(world.log.records())
    if spec is None or not records:
        return
    calm = EPOCH + timedelta(seconds=world.storm)
    recent = spec.written_at + timedelta(seconds=world.settings.valid_for) > calm + _SCANNED
    is_younger = spec.written_at > moment(str(records[0].fields["at"]))
    sources = [part(one.fields, "source") for one in records]
    if (
        recent
        and is_younger
        and (SPEC, spec.etag) not in {(one.get("key"), one.get("read_etag")) for one in sources}
    ):
        yield f"{SPEC}, written at {spec.written_at}, was never looked at"


def unreported(world: World) -> Iterator[str]:
    """Yield the result files that are missing, or that do not show how things stand."""
    for run in world.unreported():
        yield f"the result file of {run.subject} does not show that it is {run.state}"
    subject = f"obs://{BUCKET}/{SPEC}"
    about = [
        one.fields
        for one in world.log.records()
        if part(one.fields, "delivery").get("subject") == subject
    ]
    deliveries = {
        short_key(key): key for key in (str(part(one, "delivery")["key"]) for one in about)
    }
    written = world.obs.objects.get((BUCKET, RESULT))
    if written is None and any(one["action"] in _DECIDED for one in about):
        yield f"{subject} has no result file"
    if written:
        yield from _outdated(world, json.loads(written.data), deliveries)


def _outdated(world: World, content: dict[str, Any], deliveries: dict[str, str]) -> Iterator[str]:
    """Yield where a result file tells other states of jobs than the log."""
    key = deliveries.get(content["delivery"])
    run = world.log.read(lambda view: view.delivery(key)) if key else None
    if run is None:
        yield f"a result file is about {content['delivery']}, which is no delivery of it"
        return
    if content["outcome"] == run.state == "awaiting":
        return  # that it waits still is another violation
    if run.state not in _SHOWN or content["outcome"] not in _SHOWN[run.state]:
        yield f"a result file shows {content['outcome']}, and the delivery is {run.state}"
    jobs = {job.name: (job.job_id or None, job.finished or None) for job in run.jobs}
    shown_jobs = {one["job_name"]: (one["job_id"], one.get("finished")) for one in content["jobs"]}
    if shown_jobs != jobs:
        yield f"a result file shows {shown_jobs}, and the log has {jobs}"
