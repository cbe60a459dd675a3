"""The limit of a policy's rule: how many jobs it lets be planned in 24 hours.

A plan counts with all jobs that it asks for, those of its rollouts included, whatever becomes of
them. The decision is made in the transaction of the plan, so that plans made side by side cannot
all pass.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handler.audit.record import rule_id
from handler.deliveries.records import relied_on
from handler.errors import Problem
from handler.values.canonical_json import moment, timestamp

if TYPE_CHECKING:
    from handler.audit.log import View
    from handler.deliveries.decisions import Order
    from handler.specs.planner import Plan

_DAY = timedelta(days=1)


def jobs_left(order: Order, view: View) -> int | None:
    """Return how many jobs a rule's limit leaves room for now; None if it has no limit."""
    limit = order.policy.limit
    if limit is None:
        return None
    return max(
        0, limit.jobs - sum(asked for _, asked in _planned_in_a_day(order, view, limit.jobs + 1))
    )


def over_limit(order: Order, view: View) -> tuple[Problem, ...]:
    """Return why a rule's jobs of the last 24 hours leave no room for a plan; empty if they do."""
    limit, jobs = order.policy.limit, _number_of_jobs(order.plan)
    if limit is None:
        return ()
    room, in_the_way = limit.jobs - jobs, ""
    for planned_at, asked in _planned_in_a_day(order, view, limit.jobs + 1):
        room -= asked
        if room < 0:
            in_the_way = planned_at
            break
    if not in_the_way:
        return ()
    free = timestamp(moment(in_the_way) + _DAY + timedelta(seconds=1))
    text = (
        f"{jobs} more {'job' if jobs == 1 else 'jobs'}, at most {limit.jobs} in 24 hours: "
        f"{limit.rule} does not allow it; deliver it again after {free[:19]}Z"
    )
    return (Problem(text),)


def _planned_in_a_day(order: Order, view: View, most: int) -> tuple[tuple[str, int], ...]:
    """Return when an order's rule let deliveries be planned, and with how many jobs each."""
    rule, since = rule_id(relied_on(order.policy)), timestamp(view.now - _DAY)
    return view.planned_since(rule, since, most)


def _number_of_jobs(plan: Plan) -> int:
    """Return how many jobs a plan is, those of its rollouts included."""
    if not plan.rollouts:
        return len(plan.jobs)
    from handler.specs.rollout_planner import jobs_of_rollouts

    return len(plan.jobs) + jobs_of_rollouts(plan.rollouts)
