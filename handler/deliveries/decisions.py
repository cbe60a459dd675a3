"""What is recorded of a delivery, as decisions on the log: planned, ignored, rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.log import Decision, followed_by
from handler.audit.record import Draft
from handler.deliveries.records import (
    awaiting,
    draft_about,
    draft_about_state,
    job_planned,
    not_allowed,
    planned,
    repeated,
    rollouts_planned,
    source_changed,
    spec_rejected,
    superseded,
)
from handler.values.canonical_json import moment, sha256_hex
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from handler.audit.log import Decide, View
    from handler.audit.record import Part
    from handler.audit.state import DeliveryState
    from handler.errors import Problem
    from handler.jobs.decisions import Claim
    from handler.policy.verdict import PolicyDecision
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery


class SpecSource(NamedTuple):
    """The bytes of a spec; what OBS said of their object, empty for an inline spec."""

    data: bytes
    found: Part

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return sha256_hex(self.data)


class Order(NamedTuple):
    """A delivery that was read and understood, what it asks for, and what the policy decides.

    Attributes:
        unknown: The nodes that it names and that cannot be found; nothing is planned then, unless
            it is a run that is in the log already.
    """

    delivery: Delivery
    spec: SpecSource
    plan: Plan
    policy: PolicyDecision
    unknown: Sequence[Problem] = ()

    @property
    def may_run(self) -> bool:
        """Whether its jobs may be planned, as far as the log is not asked."""
        return not (self.unknown or self.policy.problems or self.policy.approval)


class Rules(NamedTuple):
    """What the operator set for planning.

    Attributes:
        valid_for: How long a job may be sent after its delivery, unless its spec says otherwise.
        window: Ticks of one timer this close to each other are one.
    """

    valid_for: timedelta
    window: timedelta


class Decided(NamedTuple):
    """How far a delivery is decided.

    Attributes:
        delivery: What to go on with: the delivery, or the latest run of it.
        run: The state of its run, or of the one that it repeats.
        seen: Whether its run was decided before it came.
        earlier: The run before it that left nothing on the fleet, if it starts over.
        attempt: The number of the attempt that was claimed for its first job, or 0.
    """

    delivery: Delivery
    run: DeliveryState
    seen: bool = False
    earlier: DeliveryState | None = None
    attempt: int = 0

    @property
    def is_received(self) -> bool:
        """Whether it was only received, and is to be read and planned next."""
        return self.run.state == "received"


def plan_it(order: Order, rules: Rules, claim: Decide[Claim] | None = None) -> Decide[Decided]:
    """Decide to plan a delivery's jobs, unless they were planned or need not be.

    If the policy does not allow one of them, or not so many within a day, all are rejected; if it
    wants an approval of this very spec first, the delivery awaits it.

    The same bytes as in the object's latest run that created or still plans a job need no second
    run, nor does a timer's tick within the window of the same timer's latest; a version of an
    object is not run after a later one, whichever event came first. These and the jobs of
    the day are checked in the same transaction as the plan, so that two concurrent deliveries
    cannot miss each other.

    Args:
        order: The delivery and what it asks for.
        rules: What the operator set.
        claim: Claims its first job, in the same commit as the plan.
    """

    def decide(view: View) -> Decision[Decided]:
        seen = view.delivery(order.delivery.key)
        if seen and seen.state != "received":
            return Decision(Decided(order.delivery, seen))
        run = _run_before(order, view)
        if run and _same_run(order, run, rules.window):
            draft = repeated(order.delivery, run, order.spec)
            return Decision(Decided(order.delivery, known_delivery(view, run.key)), (draft,))
        unplanned = _unplanned(order, rules, view, run)
        if unplanned:
            return followed_by((unplanned,), decided)
        since = _received_at(order.delivery.key, view)
        jobs = [job_planned(order, job, rules, since) for job in order.plan.jobs]
        return followed_by((planned(order), *jobs, *rollouts_planned(order)), with_claim)

    def with_claim(view: View) -> Decision[Decided]:
        first: Decision[Claim | None] = claim(view) if claim else Decision(None)
        return followed_by(first.drafts, lambda view: decided(view, first.value_in(view)))

    def decided(view: View, first: Claim | None = None) -> Decision[Decided]:
        run = known_delivery(view, order.delivery.key)
        return Decision(Decided(order.delivery, run, attempt=first.attempt if first else 0))

    return decide


def settle_without_jobs(
    delivery: Delivery, action: str, note: str, *, spec: SpecSource | None = None
) -> Decide[DeliveryState]:
    """Decide to close a delivery that plans nothing.

    Args:
        delivery: The delivery.
        action: `delivery.ignored`, `delivery.rejected` or `spec.rejected`.
        note: Why, for a person.
        spec: What was read, if it came that far.
    """
    draft = draft_about(delivery, spec)._replace(
        action=action, outcome="success" if action == "delivery.ignored" else "failure", note=note
    )
    return _close_with(delivery.key, draft)


def ignore_changed(
    delivery: Delivery, found: Part, policy: PolicyDecision
) -> Decide[DeliveryState]:
    """Decide to close a delivery whose object was written again after its event."""
    return _close_with(delivery.key, source_changed(delivery, found, policy))


def _close_with(key: str, draft: Draft) -> Decide[DeliveryState]:
    def decide(view: View) -> Decision[DeliveryState]:
        seen = view.delivery(key)
        if seen and seen.state != "received":
            return Decision(seen)
        return followed_by((draft,), lambda view: Decision(known_delivery(view, key)))

    return decide


def known_delivery(view: View, key: str) -> DeliveryState:
    """Return the state of a delivery that must be in the log."""
    state = view.delivery(key)
    if state is None:
        raise LookupError(f"delivery {key[:16]} was never received")
    return state


def reject_tampered(delivery: DeliveryState, *, is_gone: bool) -> Decide[None]:
    """Decide to close a delivery whose body in the outbox is gone, or not the one received.

    Another program changed it, so nothing of it is trusted.
    """
    what = "is gone" if is_gone else "is not the one that was received"
    draft = draft_about_state(delivery)._replace(
        action="delivery.rejected",
        outcome="failure",
        note=f"its body in the outbox {what}, so it is not started over: look for who changed it, "
        "and deliver it again if it is still wanted",
    )

    def decide(view: View) -> Decision[None]:
        seen = view.delivery(delivery.key)
        return Decision(None, (draft,) if seen and seen.state == "received" else ())

    return decide


def interrupted(delivery: Delivery, note: str) -> Decide[DeliveryState]:
    """Decide to record that a delivery could not be planned now; it starts over when it returns."""
    draft = draft_about(delivery)._replace(action="delivery.interrupted", note=note)
    return lambda _view: followed_by(
        (draft,), lambda view: Decision(known_delivery(view, delivery.key))
    )


def reject_event(key: str, problems: Sequence[Problem], *, source: Part) -> Decide[None]:
    """Decide to record an event, or an entry of one, that is no delivery."""
    draft = Draft(
        action="event.rejected",
        outcome="failure",
        delivery={"key": key, "trigger": "unknown", "subject": "event"},
        source=source,
        note="\n".join(map(str, problems)),
    )
    return lambda _view: Decision(None, (draft,))


def _unplanned(order: Order, rules: Rules, view: View, run: DeliveryState | None) -> Draft | None:
    """Return the record that a delivery is not planned, or not yet; None if it is."""
    if _is_read_by_version(order):
        from handler.deliveries.uploads import later_upload  # few buckets have versions

        later = later_upload(view, order.delivery, run)
        if later:
            return superseded(order.delivery, later)
    if order.unknown:
        return spec_rejected(order)
    problems = order.policy.problems
    if order.policy.limit and not problems:
        from handler.deliveries.daily_limit import over_limit  # few rules have one

        problems = over_limit(order, view)
    if problems:
        return not_allowed(order, problems)
    if order.policy.approval and not _is_approved(order, view):
        return awaiting(order, rules, view.now)
    return None


def _is_approved(order: Order, view: View) -> bool:
    """Return whether a delivery was approved, or a copy of it that is to be planned yet.

    The ticks of a timer are no copies: each is a run of its own.
    """
    seen, digest = view.delivery(order.delivery.key), order.spec.digest
    is_object = order.delivery.trigger == "object"
    return bool(seen and seen.approved == digest) or (
        is_object and view.is_approved(order.delivery.subject, digest)
    )


def _received_at(key: str, view: View) -> datetime:
    """Return when a delivery that is planned now was received or approved."""
    seen = view.delivery(key)
    return moment(seen.touched_at) if seen and seen.state == "received" else view.now


def _run_before(order: Order, view: View) -> DeliveryState | None:
    """Return the run that a delivery may repeat; None if there is none."""
    run = view.latest_run(order.delivery.subject)
    if run or order.delivery.trigger != "object":
        return run
    from handler.deliveries.uploads import run_of_upload  # timers have none

    return run_of_upload(view, order.delivery, order.spec.digest)


def _is_read_by_version(order: Order) -> bool:
    """Return whether the very version was read that the event names, current or not."""
    version = order.delivery.source.get("version_id")
    return bool(version) and version == order.spec.found.get("read_version_id")


def _same_run(order: Order, run: DeliveryState, window: timedelta) -> bool:
    delivery = order.delivery
    if delivery.trigger == "object":
        return run.digest == order.spec.digest
    if delivery.trigger == "timer" and delivery.fired_at and run.fired_at:
        return abs(delivery.fired_at - moment(run.fired_at)) <= window
    return False
