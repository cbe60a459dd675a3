"""What the function would do with a spec now: its own decision, made and not recorded."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, cast

from handler.cloud.ief.fleet import list_nodes
from handler.deliveries.daily_limit import jobs_left
from handler.deliveries.decisions import SpecSource, plan_it
from handler.deliveries.planning import order_of, rules_of
from handler.deliveries.receiving import latest_run_of, receive
from handler.deliveries.records import wanted_approval
from handler.errors import CloudError, Problem, RejectedError, SpecRejectedError
from handler.parsing import Limits, read
from handler.runtime.response import Answered, Result, jobs_json
from handler.specs.field_types import NAME_SUFFIX_LENGTH
from handler.triggers.delivery import InlineSpec, StoredSpec, direct_delivery
from handler.triggers.event_parser import Watched, object_problems
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handler.audit.log import Decision
    from handler.cloud.ief.fleet import EdgeNode
    from handler.deliveries.decisions import Decided, Order
    from handler.invocation.invocation import Invocation
    from handler.runtime.response import ReplyOutcome
    from handler.settings import Settings
    from handler.specs.planner import PlannedJob
    from handler.triggers.delivery import Delivery
    from handler.values.canonical_json import Json

_OUTCOMES: Mapping[str, ReplyOutcome] = {
    "delivery.planned": "completed",
    "delivery.received": "completed",
    "delivery.repeated": "duplicate",
    "delivery.awaiting": "awaiting",
    "delivery.rejected": "rejected",
    "spec.rejected": "rejected",
}
"""What the record that would be written next means for the reply."""

_UNKNOWN_SUFFIX = "…"


def preview(delivery: Delivery, invocation: Invocation) -> Answered:
    """Return what the function would do with a spec now; nothing is recorded, nothing is sent.

    The outcome is `completed` if its jobs would be created, else `duplicate`, `awaiting` or
    `rejected`.

    Raises:
        PolicyError: The policy cannot be read or is not valid.
        CloudError: The nodes that the spec names could not be listed.
    """
    misplaced = _misplaced(delivery, invocation.settings)
    if misplaced:
        return Answered([Result(delivery.key, "rejected", errors=tuple(map(str, misplaced)))])
    delivery = _run_of(delivery, invocation)
    spec = SpecSource(delivery.spec.data if isinstance(delivery.spec, InlineSpec) else b"", {})
    listed = cache(lambda: list_nodes(invocation.ief))  # for the names and for the states
    try:
        order = order_of(delivery, spec, invocation, listed)
        if delivery.trigger == "direct":
            order = _as_event(order, invocation.settings)
        decision = _decision(order, invocation)
    except RejectedError as error:
        return Answered([Result(delivery.key, "rejected", errors=tuple(map(str, error.problems)))])
    left = invocation.log.read(lambda view: jobs_left(order, view), fresh=False)
    outcome = _OUTCOMES[decision.drafts[0].action]
    note = decision.drafts[0].note.splitlines()
    nodes, warnings = _by_id(order, listed)
    warnings += map(str, order.plan.warnings)
    plan: dict[str, Json] = {
        "as": delivery.subject,
        "policy": order.policy.policy,
        "rule": order.policy.rule,
        "jobs": [_job(job, nodes, delivery.trigger) for job in order.plan.jobs],
        **({"rollouts": _rollouts(order, invocation)} if order.plan.rollouts else {}),
        **({} if left is None else {"jobs_left": left}),
    }
    if outcome == "duplicate":
        run = decision.value.run
        jobs = [job for job in run.jobs if not job.rollout]
        plan |= {"repeats": short_key(run.key), "repeated_jobs": jobs_json(jobs)}
        if run.rollouts:
            plan["repeated_rollouts"] = _standings(run.key, invocation)
    if outcome == "awaiting":  # the record's note names a delivery, and here is none
        note = [f"{wanted_approval(order)}, once the function has it (`nightdrop approve`)"]
    errors = tuple(note) if outcome in {"rejected", "awaiting"} else ()
    return Answered([Result(delivery.key, outcome, errors=errors)], warnings=warnings, plan=plan)


def _misplaced(delivery: Delivery, settings: Settings) -> Sequence[Problem]:
    """Return why the function would not run an object, whatever is in it."""
    if delivery.trigger != "object":
        return ()
    place = StoredSpec(str(delivery.source["bucket"]), str(delivery.source["key"]))
    return object_problems(place, Watched.of(settings))


def _run_of(delivery: Delivery, invocation: Invocation) -> Delivery:
    """Return a delivery as the run that it would begin or repeat: its key is in every name."""
    if delivery.trigger != "direct":
        return delivery
    return invocation.log.read(lambda view: latest_run_of(view, delivery))[0]


def _decision(order: Order, invocation: Invocation) -> Decision[Decided]:
    rules = rules_of(invocation.settings)
    if order.delivery.trigger != "direct":
        return invocation.log.read(plan_it(order, rules))
    return invocation.log.read(receive(order.delivery, plan_it(order, rules)))


def _as_event(order: Order, settings: Settings) -> Order:
    """Return an order with the text that an event has of its spec: that is what is approved.

    Raises:
        SpecRejectedError: It has several; no event can.
    """
    documents = read(order.spec.data, Limits(max_bytes=settings.max_spec_bytes))
    if len(documents) > 1:
        text = f"has {len(documents)} job specs; an event has one: drop the file"
        raise SpecRejectedError([Problem(text)])
    event = direct_delivery(cast("dict[str, Json]", documents[0].value))
    return order._replace(spec=SpecSource(cast("InlineSpec", event.spec).data, {}))


def _by_id(
    order: Order, listed: Callable[[], Sequence[EdgeNode]]
) -> tuple[Mapping[str, EdgeNode], list[str]]:
    """Return the nodes of the fleet by their ids, and why they are not known."""
    if not any(kind == "node" for job in order.plan.jobs for kind, _ in _targets(job)):
        return {}, []
    try:
        return {node.id: node for node in listed()}, []
    except CloudError as error:
        return {}, [f"the state of the nodes is not known: {error}"]


def _rollouts(order: Order, invocation: Invocation) -> list[Json]:
    # Loaded where it is needed: most specs have no rollout.
    from handler.deliveries.rollout_preview import rollout_preview

    now = invocation.log.read(lambda view: view.now, fresh=False)
    return [
        rollout_preview(
            one,
            _name(one.name, one.key, order.delivery.trigger),
            now,
            invocation.settings.job_grace,
        )
        for one in order.plan.rollouts
    ]


def _standings(delivery: str, invocation: Invocation) -> list[Json]:
    from handler.rollouts.continuation import look
    from handler.rollouts.standing import standing_json

    rollouts = invocation.log.read(lambda view: view.rollouts.of_delivery(delivery), fresh=False)
    return [standing_json(look(one.key, invocation)) for one in rollouts]


def _name(name: str, key: str, trigger: str) -> str:
    """Return a name as far as it is known: the key of an object's delivery is another one."""
    suffix = key[:NAME_SUFFIX_LENGTH]
    is_known = trigger != "object" or not name.endswith(suffix)
    return name if is_known else name.removesuffix(suffix) + _UNKNOWN_SUFFIX


def _job(job: PlannedJob, nodes: Mapping[str, EdgeNode], trigger: str) -> dict[str, Json]:
    return {
        "document": job.document,
        "job_name": _name(job.name, job.key, trigger),
        "job_type": job.job_type,
        "targets": [_target(kind, one, nodes) for kind, one in _targets(job)],
    }


def _targets(job: PlannedJob) -> Sequence[tuple[str, str]]:
    content = json.loads(job.body).get("job_content", {})
    kind = str(content.get("target_type", ""))
    return [(kind, str(one.get("target_id", ""))) for one in content.get("targets", [])]


def _target(kind: str, target_id: str, nodes: Mapping[str, EdgeNode]) -> dict[str, Json]:
    target: dict[str, Json] = {"type": kind, "id": target_id}
    if kind != "node" or not nodes:
        return target
    node = nodes.get(target_id)
    if node is None:
        return target | {"state": "not on the fleet"}
    return target | {"name": node.name, "state": node.state, "upgradable": node.upgradable}
