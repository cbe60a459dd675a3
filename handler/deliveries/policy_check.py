"""Checks a plan, and an object that has changed, against the policy that is in force now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.deliveries.records import actor_of, is_confirmed
from handler.policy.decision import decide, decide_changed, origin_of
from handler.policy.plan_demands import demands_of
from handler.policy.policy_reader import load_policy

if TYPE_CHECKING:
    from handler.audit.record import Part
    from handler.invocation.invocation import Invocation
    from handler.policy.verdict import PolicyDecision
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery


def check_policy(
    delivery: Delivery, found: Part, plan: Plan, invocation: Invocation
) -> PolicyDecision:
    """Decide whether a plan is allowed.

    An uploader counts only if the event names the version or tag of what was read: another one may
    have written it since.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS, which has the policy, could not be reached.
    """
    settings = invocation.settings
    policy = load_policy(settings.policy, lambda: invocation.obs)
    actor = actor_of(delivery.actor, found) if is_confirmed(delivery.source, found) else {}
    origin = origin_of(delivery, actor)
    return decide(policy, origin, demands_of(plan), settings.valid_for)


def check_unchanged(
    delivery: Delivery, found: Part, invocation: Invocation
) -> PolicyDecision | None:
    """Return why an object may not run that was written again after its event; None if it may.

    Who wrote it is unknown, and it has an event of its own. An object that the bucket scan found
    has no uploader that could be mistaken.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS, which has the policy, could not be reached.
    """
    if delivery.actor.get("kind") != "uploader":
        return None
    policy = load_policy(invocation.settings.policy, lambda: invocation.obs)
    decided = decide_changed(policy, origin_of(delivery, actor_of(delivery.actor, found)))
    return decided if decided.problems else None
