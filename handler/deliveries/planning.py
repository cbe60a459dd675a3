"""What a delivery asks for: its documents, planned and judged by the policy."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from handler.deliveries.decisions import Order, Rules
from handler.errors import ApiError, SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED, is_plain
from handler.specs.planner import make_plan, needs_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.cloud.ief.fleet import EdgeNode
    from handler.deliveries.decisions import SpecSource
    from handler.invocation.invocation import Invocation
    from handler.parsing import Document
    from handler.policy.verdict import PolicyDecision
    from handler.settings import Settings
    from handler.specs.node_names import Resolved
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery

_FORBIDDEN = 403


def order_of(
    delivery: Delivery,
    spec: SpecSource,
    invocation: Invocation,
    nodes: Callable[[], Sequence[EdgeNode]] | None = None,
) -> Order:
    """Return what a delivery asks for, and what the policy decides about it.

    Args:
        delivery: The delivery.
        spec: What was read for it.
        invocation: The dependencies of this invocation.
        nodes: Lists the nodes of the fleet, if one is named by its name; None asks IEF.

    Raises:
        SpecRejectedError: The spec has errors.
        PolicyError: The policy cannot be read or is not valid.
        CloudError: The nodes it names, or the policy, could not be read; another try may succeed.
    """
    documents = read(spec.data, Limits(max_bytes=invocation.settings.max_spec_bytes))
    plan = make_plan(delivery.key, documents)
    if needs_nodes(documents):
        try:
            documents, names = _with_ids(documents, nodes or partial(_listed, invocation))
        except SpecRejectedError as error:
            return Order(delivery, spec, plan, ALLOWED, error.problems)
        plan = make_plan(delivery.key, documents, names)
    return Order(delivery, spec, plan, _policy_decision(delivery, spec, plan, invocation))


def rules_of(settings: Settings) -> Rules:
    """Return what the operator set for planning."""
    return Rules(
        valid_for=timedelta(seconds=settings.valid_for),
        window=timedelta(seconds=settings.timer_window),
    )


def _listed(invocation: Invocation) -> Sequence[EdgeNode]:
    from handler.cloud.ief.fleet import list_nodes

    return list_nodes(invocation.ief)


def _with_ids(documents: Sequence[Document], nodes: Callable[[], Sequence[EdgeNode]]) -> Resolved:
    from handler.specs.node_names import resolve_names, unresolved

    try:
        listed = nodes()
    except ApiError as error:
        if error.status != _FORBIDDEN:
            raise
        raise unresolved(documents, f"the nodes cannot be listed ({error})") from error
    return resolve_names(documents, {node.id: node.name for node in listed})


def _policy_decision(
    delivery: Delivery, spec: SpecSource, plan: Plan, invocation: Invocation
) -> PolicyDecision:
    settings = invocation.settings
    if not settings.policy and is_plain(plan.jobs, settings.valid_for):
        return ALLOWED
    from handler.deliveries.policy_check import check_policy

    return check_policy(delivery, spec.found, plan, invocation)
