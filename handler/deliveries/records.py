"""Records about a delivery: as it fired, repeated, planned with its jobs, not allowed, changed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.record import Draft
from handler.values.canonical_json import sha256_hex, short_key, timestamp
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.deliveries.decisions import Order, Rules, SpecSource
    from handler.errors import Problem
    from handler.policy.verdict import PolicyDecision
    from handler.specs.planner import PlannedJob
    from handler.triggers.delivery import Delivery

CHANGED = (
    "the object was written again after the event that is recorded here; what is run is what "
    "stands there now, and who wrote it is not known"
)
"""The note of a plan whose object is not the one named in the event."""


def draft_about(delivery: Delivery, spec: SpecSource | None = None) -> Draft:
    """Return a record about a delivery as it fired, with what was read for it."""
    return Draft(
        action="delivery.received",
        outcome="pending",
        delivery={
            "key": delivery.key,
            "trigger": delivery.trigger,
            "subject": delivery.subject,
            "fired_at": timestamp(delivery.fired_at) if delivery.fired_at else None,
            "digest": spec.digest if spec else None,
        },
        actor=actor_of(delivery.actor, spec.found if spec else {}),
        source={**delivery.source, **(spec.found if spec else {})},
    )


def draft_about_state(delivery: DeliveryState) -> Draft:
    """Return a record about a delivery as the log knows it, without its action."""
    return Draft(
        action="delivery.",
        outcome="pending",
        delivery={
            "key": delivery.key,
            "trigger": delivery.trigger,
            "subject": delivery.subject,
            "fired_at": delivery.fired_at or None,
            "digest": delivery.digest or None,
        },
    )


def repeated(delivery: Delivery, seen: DeliveryState, spec: SpecSource | None = None) -> Draft:
    """Return the record that a delivery came again, or is that of another run."""
    about = draft_about(delivery, spec)
    return about._replace(
        action="delivery.repeated",
        outcome="success",
        delivery={**about.delivery, "repeats": seen.key},
        note="received again; no new job"
        if seen.key == delivery.key
        else f"repeats delivery {short_key(seen.key)}, which is {seen.state}; no new job",
    )


def not_allowed(order: Order, problems: Sequence[Problem]) -> Draft:
    """Return the record that the policy does not allow what a delivery asks for."""
    about = draft_about(order.delivery, order.spec)
    return about._replace(
        action="delivery.rejected",
        outcome="failure",
        delivery={**about.delivery, **relied_on(order.policy)},
        note="\n".join(map(str, problems)),
    )


def spec_rejected(order: Order) -> Draft:
    """Return the record that a delivery names nodes that cannot be found."""
    return draft_about(order.delivery, order.spec)._replace(
        action="spec.rejected", outcome="failure", note="\n".join(map(str, order.unknown))
    )


def awaiting(order: Order, rules: Rules, now: datetime) -> Draft:
    """Return the record that a delivery must be approved, and until when it may be."""
    shortest = min(
        (timedelta(seconds=job.valid_for) for job in order.plan.jobs if job.valid_for),
        default=rules.valid_for,
    )
    until = timestamp(now + min(shortest, rules.valid_for))
    about = draft_about(order.delivery, order.spec)
    way = f"`nightdrop approve {short_key(order.delivery.key)}`"
    if order.delivery.trigger == "object":
        name = order.delivery.subject.rpartition("/")[2]
        way = f"someone else uploads {display(name)}.approve with this digest in it, or runs {way}"
    return about._replace(
        action="delivery.awaiting",
        delivery={**about.delivery, **relied_on(order.policy)},
        request={"operation": "approve", "lease_until": until},
        note=f"{wanted_approval(order)} by {until[:19]}Z: {way}",
    )


def wanted_approval(order: Order) -> str:
    """Return which rule wants an approval of which spec, the beginning of a sentence."""
    approval = order.policy.approval
    return f"{approval.rule if approval else ''} wants an approval of {order.spec.digest}"


def source_changed(delivery: Delivery, found: Part, policy: PolicyDecision) -> Draft:
    """Return the record that a delivery's object was written again after its event, and not run.

    It does not name what was read: nothing of it was looked at, and the bucket scan finds it if the
    event of the newer object never comes.
    """
    about = draft_about(delivery)
    return about._replace(
        action="delivery.ignored",
        outcome="success",
        delivery={**about.delivery, **relied_on(policy)},
        source={**about.source, "read_differs": found["read_differs"]},
        note="\n".join(map(str, policy.problems)),
    )


def superseded(delivery: Delivery, run: DeliveryState) -> Draft:
    """Return the record that a later upload of a delivery's object was planned before it came."""
    note = f"a later upload of this object is planned already, as delivery {short_key(run.key)}"
    return draft_about(delivery)._replace(action="delivery.ignored", outcome="success", note=note)


def planned(order: Order) -> Draft:
    """Return the record that a delivery is planned."""
    about = draft_about(order.delivery, order.spec)
    changed = [CHANGED] if is_changed(order.spec.found) else []
    return about._replace(
        action="delivery.planned",
        delivery={**about.delivery, **relied_on(order.policy), "jobs": len(order.plan.jobs)},
        note="\n".join([*map(str, order.plan.warnings), *changed]),
    )


def job_planned(order: Order, job: PlannedJob, rules: Rules, since: datetime) -> Draft:
    """Return the record that one job of a delivery is planned; its body goes into the outbox.

    Args:
        order: The delivery.
        job: The job.
        rules: What the operator set for planning.
        since: When the delivery was received or approved: from then on the job is valid.
    """
    own = job.valid_for
    valid_for = rules.valid_for if own is None else timedelta(seconds=own)
    return Draft(
        action="job.planned",
        outcome="pending",
        delivery={"key": order.delivery.key, **relied_on(order.policy)},
        job={
            "key": job.key,
            "name": job.name,
            "type": job.job_type,
            "document": job.document,
            "valid_until": timestamp(since + valid_for),
            "nodes": ", ".join(f"{name}={node_id}" for node_id, name in job.nodes) or None,
        },
        request={"digest": sha256_hex(job.body)},
        body=job.body,
    )


def rollouts_planned(order: Order) -> Iterator[Draft]:
    """Yield the records that the rollouts of a delivery are planned."""
    if not order.plan.rollouts:
        return
    # Loaded where it is needed: most deliveries have no rollout.
    from handler.rollouts.records import planned_rollout

    delivery = {"key": order.delivery.key, **relied_on(order.policy)}
    for rollout in order.plan.rollouts:
        yield from planned_rollout(delivery, rollout)


def relied_on(policy: PolicyDecision) -> dict[str, str | int]:
    """Return the policy and the rule that a record relies on."""
    source = {"rule_source": policy.source} if policy.source else {}
    return {"policy": policy.policy, "rule": policy.rule, **source}


def differences(named: Part, read: Part) -> str:
    """Return which properties of the object that was read differ from its event; "" if none do.

    Args:
        named: What the event says: `version_id` and `etag`, where it has them.
        read: What OBS said on reading: `read_version_id` and `read_etag`, where it said so.
    """
    return ", ".join(
        name
        for name in ("version_id", "etag")
        if named.get(name)
        and read.get(f"read_{name}")
        and _bare(named[name]) != _bare(read[f"read_{name}"])
    )


def is_changed(read: Part) -> bool:
    """Return whether the object that was read is not the one named in the event."""
    return "read_differs" in read


def is_confirmed(named: Part, read: Part) -> bool:
    """Return whether an event names the version or the tag of the object that was read."""
    return any(
        named.get(name) and _bare(named[name]) == _bare(read.get(f"read_{name}"))
        for name in ("version_id", "etag")
    )


def actor_of(actor: Part, read: Part) -> Part:
    """Return the actor; after a later upload than the event's it is unknown."""
    if is_changed(read) and actor.get("kind") == "uploader":
        return {"kind": "unknown"}
    return actor


def _bare(tag: str | int | None) -> str:
    return str(tag).strip('"')
