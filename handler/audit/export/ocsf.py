"""Records as OCSF events: API Activity (class 6003), attested by the profile `record_integrity`.

Source: schema.ocsf.io, class `api_activity` of 1.8.0 and 1.9.0, profile `record_integrity` and
object `attestation` of 1.9.0. An event carries its record (`raw_data`, its hash in
`raw_data_hash`), so our own chain can be verified from the events; the attestation's fingerprint
is over the event itself (JCS, SHA-256) and names that of the event before it, as OCSF asks.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.actions import ACTIONS, needs_attention
from handler.audit.checkpoints.checkpoint import log_origin
from handler.audit.record import part
from handler.values.canonical_json import canonical, moment, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from handler.audit.record import Fields, Record
    from handler.values.canonical_json import Json

    Event: TypeAlias = "dict[str, Json]"

WITH_ATTESTATION = "1.9.0"
"""The first version that can carry a chain."""

WITHOUT_ATTESTATION = "1.8.0"
"""For readers that do not know attestations yet."""

_CLASS = 6003
_ACTIVITIES = {1: "Create", 2: "Read", 3: "Update", 4: "Delete", 99: "Other"}
_OTHER = 99
_STATUSES = {
    "success": (1, "Success"),
    "failure": (2, "Failure"),
    "unknown": (0, "Unknown"),
    "pending": (99, "Pending"),
}
_HALTS = frozenset({"sending.held", "rollout.breached", "rollout.stopped"})
"""Records whose failure, by the circuit breaker or by a gate, halts work until a person acts."""

_SHA_256: Event = {"algorithm_id": 3, "algorithm": "SHA-256"}
_JCS: Event = {"serialization_id": 2, "serialization": "JCS", "encoding_id": 1, "encoding": "Hex"}


def event_lines(
    records: Iterable[Record], chosen: Callable[[Record], bool], *, version: str
) -> Iterator[str]:
    """Yield an event per chosen record, one JSON text a line, in ASCII.

    Args:
        records: The log from its first record on: attestations are chained over all of it.
        chosen: Which records to yield events for.
        version: `WITH_ATTESTATION` or `WITHOUT_ATTESTATION`.
    """
    chain, before = "", None
    for record in records:
        chain = chain or log_origin(record.hash)
        attested = version == WITH_ATTESTATION
        wanted = chosen(record)
        if not wanted and not attested:
            continue
        event = event_of(record, version)
        if attested:
            event = before = _attested(event, chain, before)
        if wanted:
            yield json.dumps(event, sort_keys=True, separators=(",", ":")) + "\n"


def event_of(record: Record, version: str) -> Event:
    """Return the event for a record, of the class API Activity, without attestation."""
    fields = record.fields
    action = str(fields["action"])
    call = ACTIONS[action].call if action in ACTIONS else None
    activity, operation, service = call or (_OTHER, action, "nightdrop")
    status_id, status = _STATUSES[str(fields["outcome"])]
    severity_id, severity = _severity(fields)
    answered = part(fields, "response")
    event: Event = {
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"API Activity: {_ACTIVITIES[activity]}",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": answered.get("code"),
        "status_detail": fields.get("note"),
        "time": int(moment(str(fields["at"])).timestamp() * 1000),
        "metadata": _metadata(record, fields, version),
        "actor": _actor(fields),
        "api": _api(fields, operation, service),
        "src_endpoint": _source(fields),
        "resources": _resources(fields) or None,
        "http_response": {"code": answered["status"]} if "status" in answered else None,
        "raw_data": record.text,
        "raw_data_hash": {**_SHA_256, "value": record.hash},
    }
    return _given(event)


def _attested(event: Event, chain: str, before: Event | None) -> Event:
    """Return an event with its attestation, whose fingerprint covers all but itself."""
    metadata = event["metadata"]
    attestation: Event = {
        "uid": metadata["uid"] if isinstance(metadata, dict) else "",
        "authority_uid": "nightdrop",
        "chain_uid": chain,
        **({"prev_event": _reference(before)} if before else {}),
    }
    covered = sha256_hex(canonical({**event, "attestation_list": [attestation]}))
    fingerprint: Event = {**_SHA_256, **_JCS, "value": covered}
    return {**event, "attestation_list": [{**attestation, "fingerprint": fingerprint}]}


def _reference(event: Event) -> Event:
    match event:
        case {"metadata": {"uid": uid}, "attestation_list": [{"fingerprint": fingerprint}]}:
            return {"uid": uid, "type_uid": event["type_uid"], "fingerprint": fingerprint}
    raise ValueError("the event before has no attestation")


def _severity(fields: Fields) -> tuple[int, str]:
    if fields["action"] in _HALTS and fields["outcome"] == "failure":
        return 4, "High"
    if needs_attention(fields):
        return 3, "Medium"
    return (2, "Low") if fields["outcome"] in {"failure", "unknown"} else (1, "Informational")


def _metadata(record: Record, fields: Fields, version: str) -> Event:
    attested = version == WITH_ATTESTATION
    return _given(
        {
            "version": version,
            "profiles": ["record_integrity"] if attested else None,
            "product": {"name": "Nightdrop", "vendor_name": "Nightdrop"},
            "uid": record.hash,
            "sequence": record.seq,
            "event_code": fields["action"],
            "correlation_uid": part(fields, "delivery").get("key"),
            "original_time": fields["at"],
        }
    )


def _actor(fields: Fields) -> Event:
    actor = part(fields, "actor")
    by = " ".join(str(actor[name]) for name in ("kind", "name") if name in actor)
    account = actor.get("account")
    user = _given(
        {
            "name": actor.get("name") or actor.get("principal") or account,
            "account": {"uid": account} if account else None,
        }
    )
    return _given(
        {
            "app_name": str(part(fields, "function").get("name", "nightdrop")),
            "invoked_by": by or None,
            "user": user or None,
        }
    )


def _api(fields: Fields, operation: str, service: str) -> Event:
    request_id = part(fields, "function").get("request_id")
    return _given(
        {
            "operation": operation,
            "service": {"name": service},
            "request": {"uid": request_id} if request_id else None,
        }
    )


def _source(fields: Fields) -> Event:
    try:
        ip = str(ip_address(str(part(fields, "actor").get("ip"))))
    except ValueError:
        ip = None
    return _given({"svc_name": str(part(fields, "source").get("shape", "nightdrop")), "ip": ip})


def _resources(fields: Fields) -> list[Json]:
    delivery, job, rollout = (part(fields, name) for name in ("delivery", "job", "rollout"))
    # Of a node's record the name in the part about the rollout is the node's.
    node = rollout.get("node")
    found = [
        {"type": "batch job", "uid": job.get("key"), "name": job.get("name")},
        {"type": "edge node", "uid": node, "name": rollout.get("name")},
        {
            "type": "rollout",
            "uid": rollout.get("key"),
            "name": None if node else rollout.get("name"),
        },
        {"type": "delivery", "uid": delivery.get("key"), "name": delivery.get("subject")},
    ]
    return [_given(one) for one in found if one["uid"]]


def _given(event: Event) -> Event:
    """Return the fields that have a value."""
    return {name: value for name, value in event.items() if value is not None}
