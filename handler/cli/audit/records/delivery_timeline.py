"""The timeline of one delivery: who asked for it, through what, every step, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from handler.audit.actions import DELIVERY_ACTIONS
from handler.audit.job_end import shown_state
from handler.audit.job_state import fold_job
from handler.audit.record import actor_words, integer, part
from handler.cli.audit.records.record_row import first_line, format_span, format_time
from handler.values.canonical_json import moment, short_key
from handler.values.display import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.job_state import JobState
    from handler.audit.record import Fields, Record
    from handler.values.canonical_json import Json

LONG_PAST = timedelta(days=1)
"""Times count from the receipt of an event that is older than this when it is received."""

_ACTORS = {
    "caller": "whoever invoked the function",
    "scan": "reconciler (found without a notification)",
    "tick": "reconciler (found without a notification)",  # in records of earlier versions
}


@dataclass(frozen=True)
class Step:
    """One record of a timeline; `after` is the time since the event.

    `job` is "" if the record is not about a job; `detail` may have several lines.
    """

    seq: int
    after: str
    action: str
    outcome: str
    job: str
    detail: str


@dataclass(frozen=True)
class JobLine:
    """One job of a delivery, as a line of a table; texts are "" while they are unknown.

    `after` is the time from the event to its creation; `ended` is the API's word with its counts of
    tasks.
    """

    name: str
    type: str = ""
    state: str = ""
    attempts: int = 0
    after: str = ""
    job_id: str = ""
    ended: str = ""


@dataclass(frozen=True)
class DeliveryTimeline:
    """What the records of one delivery say; steps count from `start`.

    `facts` are names and values of what is known about its origin and result.
    """

    key: str
    state: str
    facts: tuple[tuple[str, str], ...]
    jobs: tuple[JobLine, ...]
    start: datetime
    steps: tuple[Step, ...]


def build_timelines(records: Iterable[Record]) -> Iterator[DeliveryTimeline]:
    """Yield the timeline of each delivery in the records, ordered by first record."""
    by_delivery = sorted((record.fields for record in records), key=_key)  # a stable sort
    groups = [list(group) for _, group in groupby(by_delivery, key=_key)]
    return map(_build_timeline, sorted(groups, key=lambda group: int(str(group[0]["seq"]))))


def shown_outcome(action: str, outcome: str) -> str:
    """Return the outcome to show for a record: an abandoned job is shown as a failure."""
    return "failure" if action == "job.abandoned" else outcome


def _key(fields: Fields) -> str:
    return str(part(fields, "delivery").get("key", ""))


def _build_timeline(records: Sequence[Fields]) -> DeliveryTimeline:
    origin = next((fields for fields in records if part(fields, "source")), records[0])
    start = _start(str(part(origin, "delivery").get("fired_at") or ""), str(records[0]["at"]))
    decisions = [
        fields
        for fields in records
        if fields["action"] in DELIVERY_ACTIONS and not _is_redelivery(fields)
    ]
    jobs: dict[str, list[Fields]] = {}
    for fields in records:
        if key := str(part(fields, "job").get("key", "")):
            jobs.setdefault(key, []).append(fields)
    return DeliveryTimeline(
        key=_key(records[0]),
        state=DELIVERY_ACTIONS[str(decisions[-1]["action"])] if decisions else "received",
        facts=tuple(fact for fact in _facts(origin, decisions) if fact[1]),
        jobs=tuple(_job_line(of_job, start) for of_job in jobs.values()),
        start=start,
        steps=tuple(_step(fields, start) for fields in records),
    )


def _start(fired_at: str, received_at: str) -> datetime:
    """Return the event's time, or its receipt where the event's time is missing or long past."""
    fired, received = moment(fired_at or received_at), moment(received_at)
    return fired if received - LONG_PAST < fired < received else received


def _is_redelivery(fields: Fields) -> bool:
    """Return whether a record says that the same event was received again."""
    delivery = part(fields, "delivery")
    return fields["action"] == "delivery.repeated" and delivery.get("repeats") == delivery["key"]


def _facts(origin: Fields, decisions: Sequence[Fields]) -> Iterator[tuple[str, str]]:
    source = part(origin, "source")
    yield "asked for by", _describe_actor(part(origin, "actor"))
    yield "through", _describe_source(str(part(origin, "delivery").get("subject", "")), source)
    yield "event", ", ".join(str(source[n]) for n in ("event_name", "event_id") if n in source)
    digests = [str(part(fields, "delivery").get("digest", "")) for fields in decisions]
    yield from (("spec", f"SHA-256 {digest}") for digest in list(filter(None, digests))[:1])
    if decisions and decisions[-1]["action"] not in {"delivery.planned", "delivery.received"}:
        yield "result", first_line(str(decisions[-1].get("note", "")), ", see below")


def _describe_actor(actor: Mapping[str, Json]) -> str:
    named = _ACTORS.get(str(actor.get("kind", ""))) or actor_words(actor)
    return f"{named} from {actor['ip']}" if "ip" in actor else named


def _describe_source(subject: str, source: Mapping[str, Json]) -> str:
    if source.get("shape") == "timer":
        tick = f"timer tick at {source.get('time', '')}"
        spec = f"obs://{source.get('bucket')}/{source.get('key')}"
        return f"{tick}, which reads {spec}" if "bucket" in source else tick
    formats = {"version_id": "version {}", "etag": "ETag {}", "size": "{} bytes"}
    details = [text.format(source[name]) for name, text in formats.items() if name in source]
    return subject + (f" ({', '.join(details)})" if details else "")


def _job_line(records: Sequence[Fields], start: datetime) -> JobLine:
    job: JobState | None = None
    after = ended = ""
    for fields in records:
        job = fold_job(job, fields) or job
        if fields["action"] in {"job.created", "job.adopted"} and not after:
            after = _since(start, fields)
        if fields["action"] == "job.finished":
            ended = _describe_end(fields)
    if job is None:
        return JobLine(str(part(records[0], "job").get("name", "")))
    return JobLine(job.name, job.type, shown_state(job), job.attempt, after, job.job_id, ended)


def _since(start: datetime, fields: Fields) -> str:
    return format_span((moment(str(fields["at"])) - start).total_seconds())


def _describe_end(fields: Fields) -> str:
    response = part(fields, "response")
    final, tasks = str(response.get("final", "")), response.get("tasks")
    return f"{final} ({response.get('succeeded', 0)} of {tasks})" if tasks else final


def _step(fields: Fields, start: datetime) -> Step:
    action, actor = str(fields["action"]), part(fields, "actor")
    operator = f"by {actor.get('name', '')}" if actor.get("kind") == "operator" else ""
    note = "" if _is_redelivery(fields) else str(fields.get("note", ""))
    wave = f"wave {part(fields, 'rollout').get('wave')}" if action.startswith("wave.") else ""
    return Step(
        seq=int(str(fields["seq"])),
        after=f"+ {_since(start, fields)}",
        action=action,
        outcome=shown_outcome(action, str(fields["outcome"])),
        job=str(part(fields, "job").get("name", "")),
        detail="\n".join(filter(None, [wave, _detail(fields), operator, note])),
    )


def _detail(fields: Fields) -> str:
    delivery, request = part(fields, "delivery"), part(fields, "request")
    job, response = part(fields, "job"), part(fields, "response")
    match fields["action"]:
        case "delivery.planned":
            return quantity(integer(delivery.get("jobs", 0)), "job")
        case "delivery.repeated":
            earlier = short_key(str(delivery.get("repeats", "")))
            return "received again; no new job" if _is_redelivery(fields) else f"see {earlier}"
        case "job.planned":
            return f"to be sent by {format_time(job.get('valid_until', ''))}"
        case "job.sending":
            return f"attempt {request.get('attempt')}"
        case "job.finished":
            return _describe_end(fields)
    return "  ".join(
        str(response[name]) for name in ("status", "code", "job_id") if name in response
    )
