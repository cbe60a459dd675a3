"""Checks a plan against the policy that is in force now.

The built-in policy allows every plan of a few node upgrades, so that these load none of its code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.deliveries.provenance import actor_of, is_changed
from handler.policy.verdict import ALLOWED, MOST_JOBS

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

    Args:
        delivery: The delivery.
        found: What OBS said of the object that was read.
        plan: The jobs that the delivery asks for.
        invocation: Dependencies of this invocation.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS, which has the policy, could not be reached.
    """
    settings = invocation.settings
    if not settings.policy and _is_plain(plan, settings.valid_for):
        return ALLOWED
    from handler.policy.decision import decide, origin_of
    from handler.policy.demand import demand_of
    from handler.policy.policy_reader import load_policy

    policy = load_policy(settings.policy, lambda: invocation.obs)
    origin = origin_of(delivery, actor_of(delivery.actor, found))
    demands = [demand_of(job) for job in plan.jobs]
    return decide(policy, origin, demands, settings.valid_for)


def check_unchanged(
    delivery: Delivery, found: Part, invocation: Invocation
) -> PolicyDecision | None:
    """Return why an object may not run that was written again after its event; None if it may.

    Who wrote it is unknown, and it has an event of its own. An object that the bucket scan found
    has no uploader that could be mistaken.

    Args:
        delivery: The delivery.
        found: What OBS said of the object that was read.
        invocation: Dependencies of this invocation.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: OBS, which has the policy, could not be reached.
    """
    if not is_changed(found) or delivery.actor.get("kind") != "uploader":
        return None
    from handler.policy.decision import decide_changed, origin_of
    from handler.policy.policy_reader import load_policy

    policy = load_policy(invocation.settings.policy, lambda: invocation.obs)
    decided = decide_changed(policy, origin_of(delivery, actor_of(delivery.actor, found)))
    return decided if decided.problems else None


def _is_plain(plan: Plan, valid_for: int) -> bool:
    """Return whether the built-in policy allows a plan whatever is in its request bodies.

    A node upgrade has no deployment (`specs/api_form.py` and `specs/short_form.py` refuse one).
    """
    return len(plan.jobs) <= MOST_JOBS and all(
        job.job_type == "node_upgrade" and (job.valid_for or 0) <= valid_for for job in plan.jobs
    )
