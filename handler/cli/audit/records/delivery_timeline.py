"""The story of one delivery, or of one of its jobs: who asked, through what, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, cast

from handler.audit.job_end import shown_state
from handler.audit.record import part
from handler.audit.state import DELIVERY_ACTIONS, fold_job
from handler.values.canonical_json import moment, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from handler.audit.record import Fields, Record
    from handler.audit.state import JobState
    from handler.values.canonical_json import Json

_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
_SOON = 10
LONG_PAST = timedelta(days=1)
"""Times of events that are received later than this count from their receipt."""

_ASKED = {"caller": "whoever invoked the function", "tick": "a tick that found the file unseen"}


@dataclass(frozen=True)
class Step:
    """One record of a story.

    Attributes:
        seq: Its number.
        after: How long after the event, in words.
        action: What happened.
        outcome: What it came to.
        job: The name of the job it is about, or "".
        detail: What a person wants to know about it, in lines.
    """

    seq: int
    after: str
    action: str
    outcome: str
    job: str
    detail: str


@dataclass(frozen=True)
class JobLine:
    """What became of one job.

    Attributes:
        name: Its name.
        type: Its type.
        state: Where it stands, or how it ended on the fleet.
        attempts: How often it was sent.
        after: How long after the event it was created, in words, or "".
        job_id: Its id at the API, or "".
        ended: How it ended on the fleet, or "".
    """

    name: str
    type: str
    state: str
    attempts: int
    after: str
    job_id: str
    ended: str


@dataclass(frozen=True)
class DeliveryTimeline:
    """What the records of one delivery say.

    Attributes:
        key: The delivery's key.
        state: Where it stands, in one word.
        facts: What is known about it, each with its name.
        jobs: Its jobs, in the order of the file.
        began: When its event fired, or it was first heard of.
        steps: What happened, in order.
    """

    key: str
    state: str
    facts: tuple[tuple[str, str], ...]
    jobs: tuple[JobLine, ...]
    began: datetime
    steps: tuple[Step, ...]


def build_timelines(records: Iterable[Record]) -> Iterator[DeliveryTimeline]:
    """Yield the story of each delivery that records tell of, the earliest first."""
    by_delivery = sorted((one.fields for one in records), key=_key)  # keeps the order of each
    told = [list(fields) for _, fields in groupby(by_delivery, key=_key)]
    for fields in sorted(told, key=lambda fields: _seq(fields[0])):
        yield _story(fields)


def format_span(seconds: float) -> str:
    """Return a time span as people say it: `0.4 s`, `12 s`, `35 min`, `7 h 2 min`, `3 d 4 h`."""
    whole = round(seconds)
    for large, large_name, small, small_name in _UNITS:
        if whole >= large:
            rest = whole % large // small
            return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s" if whole >= _SOON else f"{seconds:.1f} s"


def shown_outcome(action: str, outcome: str) -> str:
    """Return the outcome that a record is shown with: that of an abandoned job is no success."""
    return "failure" if action == "job.abandoned" else outcome


def _key(fields: Fields) -> str:
    return str(part(fields, "delivery").get("key", ""))


def _seq(fields: Fields) -> int:
    return int(cast("int", fields["seq"]))


def _story(told: Sequence[Fields]) -> DeliveryTimeline:
    first = next((one for one in told if part(one, "source")), told[0])
    at = str(told[0]["at"])
    began = _began(str(part(first, "delivery").get("fired_at") or at), at)
    decided = [one for one in told if one["action"] in DELIVERY_ACTIONS and not _came_again(one)]
    jobs: dict[str, list[Fields]] = {}
    for one in told:
        jobs.setdefault(str(part(one, "job").get("key", "")), []).append(one)
    jobs.pop("", None)
    return DeliveryTimeline(
        key=_key(told[0]),
        state=DELIVERY_ACTIONS[str(decided[-1]["action"])] if decided else "received",
        facts=tuple(fact for fact in _facts(first, decided) if fact[1]),
        jobs=tuple(_job_line(one, began) for one in jobs.values()),
        began=began,
        steps=tuple(_step(one, began) for one in told),
    )


def _began(fired_at: str, received_at: str) -> datetime:
    """Return what times count from: the event's time, unless that is long past, as a sample's."""
    fired, received = moment(fired_at), moment(received_at)
    return fired if received - LONG_PAST < fired < received else received


def _came_again(fields: Fields) -> bool:
    """Return whether a record says that the same event came once more."""
    delivery = part(fields, "delivery")
    return fields["action"] == "delivery.repeated" and delivery.get("repeats") == delivery["key"]


def _facts(first: Fields, decided: Sequence[Fields]) -> Iterator[tuple[str, str]]:
    source = part(first, "source")
    yield "asked for by", _who(part(first, "actor"))
    yield "through", _what(str(part(first, "delivery").get("subject", "")), source)
    named = [f"{source[name]}" for name in ("event_name", "event_id") if name in source]
    yield "event", ", ".join(named)
    for one in decided:
        delivery = part(one, "delivery")
        if "digest" in delivery:
            yield "spec", f"SHA-256 {delivery['digest']}"
            break
    if decided and decided[-1]["action"] not in {"delivery.planned", "delivery.received"}:
        first_line, *more = str(decided[-1].get("note", "")).splitlines() or [""]
        yield "came of it", first_line + (f" (and {len(more)} more, see below)" if more else "")


def _who(actor: Mapping[str, Json]) -> str:
    kind = str(actor.get("kind", ""))
    named = _ASKED.get(kind) or " ".join(
        str(actor[name]) for name in ("kind", "name", "principal", "account") if name in actor
    )
    return f"{named} from {actor['ip']}" if "ip" in actor else named


def _what(subject: str, source: Mapping[str, Json]) -> str:
    if source.get("shape") == "timer":
        tick = f"the tick of {source.get('time', '')}"
        stored = f"obs://{source.get('bucket')}/{source.get('key')}"
        return f"{tick}, which reads {stored}" if "bucket" in source else tick
    said = {"version_id": "version {}", "etag": "ETag {}", "size": "{} bytes"}
    about = [words.format(source[field]) for field, words in said.items() if field in source]
    return subject + (f" ({', '.join(about)})" if about else "")


def _job_line(told: Sequence[Fields], began: datetime) -> JobLine:
    job: JobState | None = None
    after = ended = ""
    for one in told:
        job = fold_job(job, one) or job
        if one["action"] in {"job.created", "job.adopted"} and not after:
            after = format_span((moment(str(one["at"])) - began).total_seconds())
        if one["action"] == "job.finished":
            ended = _ended(one)
    if job is None:
        return JobLine(str(part(told[0], "job").get("name", "")), "", "", 0, "", "", "")
    return JobLine(job.name, job.type, shown_state(job), job.attempt, after, job.job_id, ended)


def _ended(fields: Fields) -> str:
    response = part(fields, "response")
    final, tasks = str(response.get("final", "")), response.get("tasks")
    return f"{final} ({response.get('succeeded', 0)} of {tasks})" if tasks else final


def _step(fields: Fields, began: datetime) -> Step:
    return Step(
        seq=_seq(fields),
        after=f"+ {format_span((moment(str(fields['at'])) - began).total_seconds())}",
        action=str(fields["action"]),
        outcome=shown_outcome(str(fields["action"]), str(fields["outcome"])),
        job=str(part(fields, "job").get("name", "")),
        detail="\n".join(filter(None, [_detail(fields), _by(fields), _note(fields)])),
    )


def _note(fields: Fields) -> str:
    return "" if _came_again(fields) else str(fields.get("note", ""))


def _repeated(fields: Fields) -> str:
    if _came_again(fields):
        return "received again; no new job"
    return f"see {shown(str(part(fields, 'delivery').get('repeats', '')))}"


def _by(fields: Fields) -> str:
    actor = part(fields, "actor")
    return f"by {actor.get('name', '')}" if actor.get("kind") == "operator" else ""


def _detail(fields: Fields) -> str:
    delivery, request = part(fields, "delivery"), part(fields, "request")
    job, response = part(fields, "job"), part(fields, "response")
    match fields["action"]:
        case "delivery.planned":
            return f"{delivery.get('jobs')} job" + "s" * (delivery.get("jobs") != 1)
        case "delivery.repeated":
            return _repeated(fields)
        case "job.planned":
            return f"to be sent by {str(job.get('valid_until', ''))[:19].replace('T', ' ')}"
        case "job.sending":
            return f"attempt {request.get('attempt')}"
        case "job.finished":
            return _ended(fields)
    said = [str(response[name]) for name in ("status", "code", "job_id") if name in response]
    return "  ".join(said)
