"""What a delivery asks for: its documents, planned and judged by the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.deliveries.decisions import Order
from handler.errors import ApiError, SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED, is_plain
from handler.specs.planner import has_names, make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.cloud.ief.client import Ief
    from handler.deliveries.decisions import SpecSource
    from handler.invocation.invocation import Invocation
    from handler.parsing import Document
    from handler.policy.verdict import PolicyDecision
    from handler.specs.node_names import Resolved
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery

_FORBIDDEN = 403


def order_of(delivery: Delivery, spec: SpecSource, invocation: Invocation) -> Order:
    """Return what a delivery asks for, and what the policy decides about it.

    Raises:
        SpecRejectedError: The spec has errors.
        PolicyError: The policy cannot be read or is not valid.
        CloudError: The nodes it names, or the policy, could not be read; another try may succeed.
    """
    documents = read(spec.data, Limits(max_bytes=invocation.settings.max_spec_bytes))
    plan = make_plan(delivery.key, documents)
    if has_names(documents):
        try:
            documents, names = _with_ids(documents, invocation.ief)
        except SpecRejectedError as error:
            return Order(delivery, spec, plan, ALLOWED, error.problems)
        plan = make_plan(delivery.key, documents, names)
    return Order(delivery, spec, plan, _policy_decision(delivery, spec, plan, invocation))


def _with_ids(documents: Sequence[Document], ief: Ief) -> Resolved:
    from handler.cloud.ief.fleet import list_nodes
    from handler.specs.node_names import resolve_names, unresolved

    try:
        nodes = list_nodes(ief)
    except ApiError as error:
        if error.status != _FORBIDDEN:
            raise
        raise unresolved(documents, f"the nodes cannot be listed ({error})") from error
    return resolve_names(documents, {node.id: node.name for node in nodes})


def _policy_decision(
    delivery: Delivery, spec: SpecSource, plan: Plan, invocation: Invocation
) -> PolicyDecision:
    settings = invocation.settings
    if not settings.policy and is_plain(plan.jobs, settings.valid_for):
        return ALLOWED
    from handler.deliveries.policy_check import check_policy

    return check_policy(delivery, spec.found, plan, invocation)
