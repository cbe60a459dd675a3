"""What fired: the one value that every trigger becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from handler.values.canonical_json import key_of, moment, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handler.errors import Problem
    from handler.values.canonical_json import Json


class StoredSpec(NamedTuple):
    """A job spec that is still to be read from object storage.

    Attributes:
        bucket: The bucket's name.
        key: The object's key, decoded.
        version_id: The version the event speaks of; None where the bucket keeps no versions.
        etag: The entity tag the event speaks of.
        size: The object's size in bytes, as the event has it.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None


class InlineSpec(NamedTuple):
    """A job spec that came with the event.

    Attributes:
        text: JSON or YAML, not yet looked at: it may be anything.
    """

    text: str

    @property
    def data(self) -> bytes:
        """The text in bytes, as the reading function takes them.

        A lone surrogate becomes bytes that are not UTF-8, so that reading refuses it like any
        other wrong encoding.
        """
        return self.text.encode("utf-8", "surrogatepass")


class Delivery(NamedTuple):
    """One thing that fired: a tick of a timer, one object, or one spec handed over.

    Attributes:
        key: What makes it the same delivery when it comes again: a `canonical_json.key_of`.
        trigger: What kind of thing fired.
        subject: What the run is of: `timer:<name>:<16 characters of the user event's key>`,
            `obs://<bucket>/<key>` or `direct`.
        fired_at: When it fired, aware and in UTC; None where the event does not say.
        actor: Who is behind it: `kind` (`timer`, `uploader`, `caller`; `tick` for a scan of the
            bucket, `unknown`) and, where known, `name`, `account`, `principal`, `ip`.
        source: What the log records of the event: `shape` (`timer`, `obs-s3`, `obs`,
            `eventgrid`, `direct`, `discovered`, `plan`) and, where known, `bucket`, `key`,
            `version_id`, `etag`, `size`, `event_id`, `event_name`, `time`, `trigger_name`.
        spec: Where the job spec is.
    """

    key: str
    trigger: Literal["timer", "object", "direct"]
    subject: str
    fired_at: datetime | None
    actor: Mapping[str, str]
    source: Mapping[str, str | int]
    spec: StoredSpec | InlineSpec

    def to_json(self) -> str:
        """Return the delivery as the outbox keeps it until it is decided."""
        fired_at = timestamp(self.fired_at) if self.fired_at else None
        values = {**self._asdict(), "spec": self.spec._asdict(), "fired_at": fired_at}
        return json.dumps(values)

    @staticmethod
    def from_json(text: str) -> Delivery:
        """Return the delivery that `to_json` wrote."""
        values = json.loads(text)
        fired_at, spec = values.pop("fired_at"), values.pop("spec")
        return Delivery(
            **values,
            fired_at=moment(fired_at) if fired_at else None,
            spec=InlineSpec(**spec) if "text" in spec else StoredSpec(**spec),
        )


def direct_delivery(event: dict[str, Json]) -> Delivery:
    """Return the delivery of an event that is a job spec; the same spec has the same key."""
    return Delivery(
        key=key_of(event),
        trigger="direct",
        subject="direct",
        fired_at=None,
        actor={"kind": "caller"},
        source={"shape": "direct"},
        spec=InlineSpec(json.dumps(event, ensure_ascii=False)),
    )


class InvalidEntry(NamedTuple):
    """One entry of an event that cannot be used; the entries beside it are not touched by that.

    Attributes:
        problem: What is wrong with it and where, such as `Records[1].s3.object.key`.
        key: A key over the entry as it came, the same when it comes again.
        source: As a delivery's, as far as the entry could be read; never without `shape`.
    """

    problem: Problem
    key: str
    source: Mapping[str, str | int]


ActionName: TypeAlias = Literal[
    "reconcile", "doctor", "probe", "summary", "plan",
    "job.pause", "job.resume", "job.retry", "job.delete", "job.abandon",
    "rollout.pause", "rollout.resume", "rollout.approve", "rollout.stop", "rollout.retry",
]  # fmt: skip
"""`reconcile` is one run of the reconciler, `doctor` an examination of the deployment, `probe` a
comparison of the cloud with what is assumed about it, `summary` a notice of what happened since the
last one, `plan` asks what would be done with a spec; the others are operations on one job or one
rollout."""

EVENT_ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
"""Every action there is."""

PLAIN_ACTIONS: tuple[ActionName, ...] = ("reconcile", "doctor", "probe", "summary")
"""Those that say nothing beside their name; a timer may ask for them."""

LOOKS: frozenset[ActionName] = frozenset({"doctor", "plan", "probe"})
"""Those that change nothing of the work."""

FULL_ACTIONS = tuple(name for name in EVENT_ACTIONS if name not in PLAIN_ACTIONS)
"""Those that say more."""


@dataclass(frozen=True)
class Action:
    """Something the function is asked to do that is not of a job spec.

    Attributes:
        name: What.
        job: The job that it is about: its name, id or key, or the beginning of one; "" for none.
        rollout: The rollout that it is about, as `job`.
        wave: The wave that is approved; 0 is the next one.
        reason: Why, for the record; "" if nobody said.
        asked_at: When it was asked for, aware and in UTC; None if nobody said.
        actor: Who asks.
        delivery: For `plan`, what would be delivered; an object's key is unknown until its event.
        fired_at: When its timer fired, aware; None for any other event.
    """

    name: ActionName
    job: str = ""
    rollout: str = ""
    wave: int = 0
    reason: str = ""
    asked_at: datetime | None = None
    actor: Mapping[str, str] = field(default_factory=lambda: {"kind": "caller"})
    delivery: Delivery | None = None
    fired_at: datetime | None = field(default=None, compare=False)


def action_of(value: Json) -> Action | None:
    """Return the action that an event, or a timer's user event, asks for by `{"action": name}`."""
    return next((Action(name) for name in PLAIN_ACTIONS if value == {"action": name}), None)
