"""One line of the audit log: built from allowed fields, hashed over the text that is stored."""

from __future__ import annotations

import json
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from handler.values.canonical_json import Json, canonical, sha256_hex, timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Outcome: TypeAlias = Literal["success", "failure", "pending", "unknown"]
Part: TypeAlias = "Mapping[str, str | int | None]"
Fields: TypeAlias = "dict[str, Json]"

OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "pending", "unknown")
"""The outcomes of an action."""

FIRST_PREV = "0" * 64
"""What the first record has for the hash of the record before it."""

RECORD_FIELDS: Mapping[str, frozenset[str]] = {
    "delivery": frozenset(
        {
            "key", "trigger", "subject", "fired_at", "digest", "jobs", "repeats", "shows",
            "policy", "rule", "rule_source",
        }
    ),
    "actor": frozenset({"kind", "name", "account", "principal", "ip"}),
    "source": frozenset(
        {
            "shape", "bucket", "key", "version_id", "etag", "size", "event_id", "event_name",
            "time", "trigger_name", "read_version_id", "read_etag", "read_size", "read_differs",
        }
    ),
    "job": frozenset({"key", "name", "type", "document", "valid_until", "nodes"}),
    "rollout": frozenset(
        {
            "key", "name", "type", "document", "settings", "waves", "nodes", "place", "wave",
            "round", "node", "selected", "skipped", "succeeded", "failed",
        }
    ),
    "request": frozenset({"operation", "attempt", "date", "lease_until", "digest"}),
    "response": frozenset(
        {
            "status", "code", "job_id", "message_id", "final", "tasks", "succeeded", "failed",
            "ended_at",
        }
    ),
    "checkpoint": frozenset({"size", "head", "name", "signer"}),
    "function": frozenset({"name", "version", "request_id", "code", "python", "sqlite"}),
}  # fmt: skip
"""The parts of a record and the fields each may have; nothing else gets in."""


_NOTHING: Part = MappingProxyType({})


class Draft(NamedTuple):
    """What a decision wants recorded; the log adds the place in the chain.

    Attributes:
        action: A dotted past-tense verb, such as `job.created`.
        outcome: The outcome of the action.
        note: A sentence for a person; no secret, no value of a spec file.
        body: What a job is sent with, or a delivery is started over from: kept in the outbox
            beside the chain, never in it, until the job or the delivery is settled.
        The other attributes are the parts in `RECORD_FIELDS`; None values are left out.
    """

    action: str
    outcome: Outcome
    delivery: Part = _NOTHING
    actor: Part = _NOTHING
    source: Part = _NOTHING
    job: Part = _NOTHING
    rollout: Part = _NOTHING
    request: Part = _NOTHING
    response: Part = _NOTHING
    checkpoint: Part = _NOTHING
    function: Part = _NOTHING
    note: str = ""
    body: str | None = None

    def by(self, function: Part) -> Draft:
        """Return the draft with what it says of the function added to `function`."""
        return self._replace(function={**function, **self.function})

    @property
    def key(self) -> str:
        """The key that the outbox keeps `body` under: the job's, rollout's, or delivery's."""
        return str(self.job.get("key") or self.rollout.get("key") or self.delivery["key"])

    def fields(self) -> Fields:
        """Return the fields a decision fills in, empty parts and values left out.

        Raises:
            ValueError: A part has a field that no record may have.
        """
        fields: Fields = {"action": self.action, "outcome": self.outcome}
        if self.note:
            fields["note"] = self.note
        for part, allowed in RECORD_FIELDS.items():
            values: Part = getattr(self, part)
            if not values:
                continue
            if not values.keys() <= allowed:
                unknown = ", ".join(sorted(values.keys() - allowed))
                raise ValueError(f"{part} of a record has no field {unknown}")
            given: Json = {name: value for name, value in values.items() if value is not None}
            if given:
                fields[part] = given
        return fields


class _Row(NamedTuple):
    seq: int
    hash: str
    text: str


class Record(_Row):
    """A record as it is stored: its text is what was hashed, byte for byte.

    Attributes:
        seq: Its place in the log, from 1, without gaps.
        hash: SHA-256 of `text` in hex; the next record's `prev`.
        text: The canonical JSON of all its fields except `hash`.
    """

    @cached_property
    def fields(self) -> Fields:
        """The record's fields as they were recorded; not to be changed."""
        return cast("Fields", json.loads(self.text))


class Head(NamedTuple):
    """The end of the chain: the last record's number and hash, or 0 and `FIRST_PREV`."""

    seq: int = 0
    hash: str = FIRST_PREV


def seal(draft: Draft, head: Head, *, at: datetime, commit: str) -> Record:
    """Return the draft as the record that follows `head`.

    Args:
        draft: What to record.
        head: The record before it.
        at: When, aware.
        commit: The random id of the call that appends it.
    """
    fields: Fields = {
        **draft.fields(),
        "seq": head.seq + 1,
        "at": timestamp(at),
        "commit": commit,
        "prev": head.hash,
    }
    text = canonical(fields)
    record = Record(seq=head.seq + 1, hash=sha256_hex(text), text=text)
    vars(record)["fields"] = fields  # what the property would decode from the text
    return record


def part(fields: Fields, name: str) -> dict[str, Json]:
    """Return one part of a record's fields; empty if the record has none."""
    return cast("dict[str, Json]", fields.get(name, {}))


def integer(value: object) -> int:
    """Return a value of a record that is a number."""
    return int(cast("int", value))


def actor_words(actor: Mapping[str, Json]) -> str:
    """Return who a record's part `actor` is, in words; "" if it has none."""
    parts = (str(actor[name]) for name in ("kind", "name", "principal", "account") if name in actor)
    return " ".join(parts)


def rule_id(delivery: Mapping[str, Json]) -> str:
    """Return the name in the state of the rule that decided about a delivery; "" if none did.

    It is a key of the rule's source, which a change of the policy leaves as it is. Records of
    earlier versions have none: there it is the policy's digest and the rule's number.
    """
    policy, number = str(delivery.get("policy", "")), delivery.get("rule", 0)
    return str(delivery.get("rule_source", "")) or (f"{policy[:16]}:{number}" if policy else "")
