"""What a delivery asks for: its documents, planned and judged by the policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from handler.deliveries.decisions import Order, Rules, SpecSource
from handler.deliveries.records import differences
from handler.errors import AccessPendingError, ApiError, ObjectError, SpecRejectedError
from handler.parsing import Limits, read
from handler.policy.verdict import ALLOWED, is_plain
from handler.specs.planner import has_names, has_selections, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handler.cloud.ief.fleet import EdgeNode
    from handler.invocation.invocation import Invocation
    from handler.parsing import Document
    from handler.policy.verdict import PolicyDecision
    from handler.settings import Settings
    from handler.specs.planner import Plan
    from handler.triggers.delivery import Delivery, StoredSpec

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
    plan = make_plan(delivery.key, documents, grace=invocation.settings.job_grace)
    if has_names(documents) or has_selections(documents):
        try:
            plan = _with_nodes(delivery, documents, nodes, invocation)
        except SpecRejectedError as error:
            return Order(delivery, spec, plan, ALLOWED, error.problems)
    policy = _policy_decision(delivery, spec, plan, invocation)
    if policy.valid_for is not None:
        plan = _valid_at_most(policy.valid_for, plan, invocation.settings.valid_for)
    return Order(delivery, spec, plan, policy)


def _valid_at_most(longest: int, plan: Plan, default: int) -> Plan:
    """Return a plan whose jobs are valid for as long as a rule allows, if their specs do not say.

    Args:
        longest: What the rule allows, in seconds.
        plan: The plan.
        default: The operator's setting, in seconds.
    """
    if longest >= default:
        return plan
    jobs = tuple(
        job if job.valid_for is not None else job._replace(valid_for=longest) for job in plan.jobs
    )
    rollouts = tuple(
        one
        if one.settings.valid_for is not None
        else one._replace(settings=replace(one.settings, valid_for=longest))
        for one in plan.rollouts
    )
    return plan._replace(jobs=jobs, rollouts=rollouts)


def rules_of(settings: Settings) -> Rules:
    """Return what the operator set for planning."""
    return Rules(
        valid_for=timedelta(seconds=settings.valid_for),
        window=timedelta(seconds=settings.timer_window),
    )


def read_object(delivery: Delivery, stored: StoredSpec, invocation: Invocation) -> SpecSource:
    """Return the object of a delivery, and what OBS said of it on reading.

    Raises:
        AccessPendingError: These keys may not read it yet; it is tried again.
        ObjectError: It is missing, too large or not readable.
        CloudError: OBS could not be reached.
    """
    most = invocation.settings.max_spec_bytes
    try:
        found = invocation.obs.read(
            stored.bucket, stored.key, max_bytes=most, version_id=stored.version_id
        )
    except ObjectError as error:
        if error.code == "AccessDenied" and may_wait(delivery, invocation):
            raise AccessPendingError(f"{error}; it is tried again") from error
        if not error.code:  # OBS did not refuse: the object is too large
            raise ObjectError(f"{error} (NIGHTDROP_MAX_SPEC_BYTES)") from error
        raise
    said: dict[str, str | int] = {"read_size": len(found.data)}
    said |= {"read_version_id": found.version_id} if found.version_id else {}
    said |= {"read_etag": found.etag} if found.etag else {}
    differs = differences(delivery.source, said)
    return SpecSource(found.data, said | ({"read_differs": differs} if differs else {}))


def may_wait(delivery: Delivery, invocation: Invocation) -> bool:
    """Return whether a delivery is still valid, so that a right that is missing may be granted.

    A new role takes effect with a delay. Without a time a delivery counts as not valid.
    """
    if delivery.fired_at is None:
        return False
    age = invocation.ief.clock() - delivery.fired_at
    return abs(age.total_seconds()) < invocation.settings.valid_for


def _with_nodes(
    delivery: Delivery,
    documents: Sequence[Document],
    nodes: Callable[[], Sequence[EdgeNode]] | None,
    invocation: Invocation,
) -> Plan:
    """Return the plan with the nodes that its documents name by their names, or select."""
    from handler.cloud.ief.fleet import LIST_NODES, list_deployments, list_groups, list_nodes
    from handler.specs.node_names import resolve_names, unresolved
    from handler.specs.selector import Inventory, resolve_selections

    ief = invocation.ief
    listed = cache(nodes or partial(list_nodes, ief))
    inventory = Inventory(
        listed,
        cache(lambda: {one.id: one.name for one in list_groups(ief)}) if ief.instance else None,
        cache(lambda: list_deployments(ief)),
    )
    try:
        by_id = {one.id: one.name for one in listed()} if has_names(documents) else {}
        documents, names = resolve_names(documents, by_id)
        selections = resolve_selections(documents, inventory)
    except ApiError as error:
        if error.status != _FORBIDDEN:
            raise
        grant = f"grant the right to list that, such as {LIST_NODES}"
        why = f"what it names or selects cannot be listed ({error}); {grant}"
        if may_wait(delivery, invocation):
            raise AccessPendingError(f"{why}; it is tried again") from error
        raise unresolved(documents, why) from error
    return make_plan(delivery.key, documents, names, selections, invocation.settings.job_grace)


def _policy_decision(
    delivery: Delivery, spec: SpecSource, plan: Plan, invocation: Invocation
) -> PolicyDecision:
    settings = invocation.settings
    is_checked = settings.policy or plan.rollouts or not is_plain(plan.jobs, settings.valid_for)
    if not is_checked:
        return ALLOWED
    from handler.deliveries.policy_check import check_policy

    return check_policy(delivery, spec.found, plan, invocation)
