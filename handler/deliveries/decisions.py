"""What is recorded of a delivery, as decisions on the log: planned, ignored, rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.log import Decision
from handler.audit.record import Draft
from handler.deliveries.provenance import CHANGED, actor_of, is_changed
from handler.values.canonical_json import moment, sha256_hex, shown, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.errors import Problem
    from handler.policy.rules import PolicyDecision
    from handler.specs.planner import Plan, PlannedJob
    from handler.triggers.delivery import Delivery


@dataclass(frozen=True)
class SpecSource:
    """What was read for a delivery.

    Attributes:
        data: The spec's bytes.
        found: The version, tag and size of the object they came from; empty for an inline spec.
    """

    data: bytes
    found: Part

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return sha256_hex(self.data)


@dataclass(frozen=True)
class Order:
    """A delivery that was read and understood, what it asks for, and what the policy decides."""

    delivery: Delivery
    spec: SpecSource
    plan: Plan
    policy: PolicyDecision


@dataclass(frozen=True)
class Rules:
    """What the operator set for planning.

    Attributes:
        valid_for: How long a job may be sent after its plan, unless its spec says otherwise.
        window: Ticks of one timer this close to each other are one.
    """

    valid_for: timedelta
    window: timedelta


def plan_it(order: Order, rules: Rules) -> Decide[DeliveryState | None]:
    """Decide to plan a delivery's jobs, or to reject them all if the policy does not allow one.

    A returned state means that they were planned before, or need not be.

    The same bytes as in the object's latest run that created or still plans a job need no second
    run, nor does a timer's tick within the window of the same timer's latest. Both are checked
    in the same transaction as the plan, so that two concurrent deliveries cannot miss each other.
    """

    def decide(view: View) -> Decision[DeliveryState | None]:
        seen = view.delivery(order.delivery.key)
        if seen and seen.state != "received":
            return Decision(seen)
        run = view.latest_run(order.delivery.subject)
        if run and _same_run(order, run, rules.window):
            return Decision(run, (repeated(order.delivery, run, order.spec),))
        if order.policy.problems:
            return Decision(None, (_not_allowed(order),))
        jobs = [_job_planned(order, job, rules, view.now) for job in order.plan.jobs]
        return Decision(None, (_planned(order), *jobs))

    return decide


def settle_without_jobs(
    delivery: Delivery, action: str, note: str, *, spec: SpecSource | None = None
) -> Decide[None]:
    """Decide to close a delivery that plans nothing.

    Args:
        delivery: The delivery.
        action: `delivery.ignored`, `delivery.rejected` or `spec.rejected`.
        note: Why, for a person.
        spec: What was read, if it came that far.
    """

    def decide(view: View) -> Decision[None]:
        seen = view.delivery(delivery.key)
        if seen and seen.state != "received":
            return Decision(None)
        draft = replace(
            draft_about(delivery, spec),
            action=action,
            outcome="success" if action == "delivery.ignored" else "failure",
            note=note,
        )
        return Decision(None, (draft,))

    return decide


def reject_exchanged(delivery: DeliveryState) -> Decide[None]:
    """Decide to close a delivery whose body in the outbox is not the one that was received.

    Its body was changed by another program, so nothing of it is trusted.
    """
    draft = Draft(
        action="delivery.rejected",
        outcome="failure",
        delivery={
            "key": delivery.key,
            "trigger": delivery.trigger,
            "subject": delivery.subject,
            "fired_at": delivery.fired_at or None,
        },
        note="its body in the outbox is not the one that was received, so it is not started over: "
        "look for who changed it, and deliver it again if it is still wanted",
    )

    def decide(view: View) -> Decision[None]:
        seen = view.delivery(delivery.key)
        return Decision(None, (draft,) if seen and seen.state == "received" else ())

    return decide


def interrupted(delivery: Delivery, note: str) -> Decide[None]:
    """Decide to record that a delivery could not be planned now; it starts over when it returns."""
    draft = replace(draft_about(delivery), action="delivery.interrupted", note=note)
    return lambda _view: Decision(None, (draft,))


def reject_event(
    key: str, problems: Sequence[Problem], *, source: Part
) -> Decide[DeliveryState | None]:
    """Decide to record an event, or an entry of one, that is no delivery."""

    def decide(view: View) -> Decision[DeliveryState | None]:
        draft = Draft(
            action="event.rejected",
            outcome="failure",
            delivery={"key": key, "trigger": "unknown", "subject": "event"},
            source=source,
            note="\n".join(map(str, problems)),
        )
        return Decision(view.delivery(key), (draft,))

    return decide


def _same_run(order: Order, run: DeliveryState, window: timedelta) -> bool:
    delivery = order.delivery
    if delivery.trigger == "object":
        return run.digest == order.spec.digest
    if delivery.trigger == "timer" and delivery.fired_at and run.fired_at:
        return abs(delivery.fired_at - moment(run.fired_at)) <= window
    return False


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


def repeated(delivery: Delivery, seen: DeliveryState, spec: SpecSource | None = None) -> Draft:
    """Return the record that a delivery came again, or is that of another run."""
    about = draft_about(delivery, spec)
    return replace(
        about,
        action="delivery.repeated",
        outcome="success",
        delivery={**about.delivery, "repeats": seen.key},
        note="received again; no new job"
        if seen.key == delivery.key
        else f"the same as delivery {shown(seen.key)}, which is {seen.state}",
    )


def _not_allowed(order: Order) -> Draft:
    about = draft_about(order.delivery, order.spec)
    return replace(
        about,
        action="delivery.rejected",
        outcome="failure",
        delivery={**about.delivery, **_relied_on(order.policy)},
        note="\n".join(map(str, order.policy.problems)),
    )


def _planned(order: Order) -> Draft:
    about = draft_about(order.delivery, order.spec)
    changed = [CHANGED] if is_changed(order.spec.found) else []
    return replace(
        about,
        action="delivery.planned",
        delivery={
            **about.delivery,
            **_relied_on(order.policy),
            "jobs": len(order.plan.jobs),
        },
        note="\n".join([*map(str, order.plan.warnings), *changed]),
    )


def _job_planned(order: Order, job: PlannedJob, rules: Rules, now: datetime) -> Draft:
    own = job.valid_for
    valid_for = rules.valid_for if own is None else timedelta(seconds=own)
    return Draft(
        action="job.planned",
        outcome="pending",
        delivery={"key": order.delivery.key, **_relied_on(order.policy)},
        job={
            "key": job.key,
            "name": job.name,
            "type": job.job_type,
            "document": job.document,
            "valid_until": timestamp(now + valid_for),
        },
        request={"digest": sha256_hex(job.body)},
        body=job.body,
    )


def _relied_on(policy: PolicyDecision) -> Part:
    """Return the policy and the rule that a record relies on."""
    return {"policy": policy.policy, "rule": policy.rule}
