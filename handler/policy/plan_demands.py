"""What a plan asks for: its jobs, and its rollouts as their jobs would be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.policy.demand import demand_of
from handler.specs.planner import PlannedJob

if TYPE_CHECKING:
    from handler.policy.demand import Demand
    from handler.specs.planner import Plan
    from handler.specs.rollout_planner import PlannedRollout


def demands_of(plan: Plan) -> list[Demand]:
    """Return what each job and each rollout of a plan asks for."""
    return [*map(demand_of, plan.jobs), *map(_demand_of_rollout, plan.rollouts)]


def _demand_of_rollout(rollout: PlannedRollout) -> Demand:
    """Return what the jobs of a rollout ask for: all its nodes, and some more in each job."""
    from handler.schedule.waves import job_count  # most plans have no rollout

    settings, select = rollout.settings, rollout.settings.select
    like_job = PlannedJob(
        rollout.key,
        rollout.document,
        rollout.name,
        rollout.job_type,
        rollout.template,
        settings.valid_for,
        rollout.looked_up,
    )
    demand = demand_of(like_job)
    target_type = json.loads(rollout.template)["job_content"]["target_type"]
    nodes = tuple((target_type, one) for one, _ in rollout.nodes)
    most = min(settings.max_targets_per_job, len(nodes) or settings.max_targets_per_job)
    jobs = job_count(len(nodes), settings)
    return demand._replace(
        targets=(*nodes, *demand.targets),
        jobs=jobs,
        at_once=min(jobs, settings.max_parallel_jobs),
        targets_per_job=most + len(demand.targets),
        # A deployment that names targets itself adds some that are not selected.
        target_tags=frozenset(select.tags if select and not demand.targets else ()),
        grows=settings.late_joiners == "include",
    )
