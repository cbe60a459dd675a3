"""Rollouts of a plan: the same batch job for many nodes, wave after wave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handler.parsing.validation_errors import Issue, to_problem
from handler.schedule.timeline import GRACE, fits
from handler.schedule.waves import job_count, without_empty_waves
from handler.specs.rollout_form import rollout_settings
from handler.specs.short_form import build_body, named_targets, valid_for_seconds
from handler.values.canonical_json import key_of
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.errors import Problem
    from handler.parsing import Document
    from handler.schedule.rollout_settings import RolloutSettings
    from handler.specs.planner import NamedNodes
    from handler.specs.selector import Selection
    from handler.values.canonical_json import Json


class PlannedRollout(NamedTuple):
    """One rollout.

    Attributes:
        key: Its key, the same however often the delivery arrives.
        document: The number of the document that asks for it.
        name: Its name; each of its jobs has its own, `planner.rollout_job_name`.
        job_type: The `job_type` of its jobs.
        template: The JSON text of their request, without name, targets and mark.
        settings: How it proceeds; every wave has nodes.
        nodes: Id and name of each node (or deployment) it is for, in the order of their turns; the
            name is "" where it is not known. None are known before they are selected.
        skipped: What matches but is not taken: a reason, and the id and name of each.
        looked_up: Those of its nodes whose name is that of the node list; what a spec writes beside
            an id is its author's.
    """

    key: str
    document: int
    name: str
    job_type: str
    template: str
    settings: RolloutSettings
    nodes: NamedNodes
    skipped: tuple[tuple[str, NamedNodes], ...]
    looked_up: NamedNodes


def plan_rollout(
    delivery_key: str,
    document: Document,
    job: dict[str, Json],
    names: NamedNodes,
    selection: Selection | None,
) -> PlannedRollout:
    """Return the rollout that a valid document in the short form asks for.

    Args:
        delivery_key: The delivery's key; the rollout's key follows from it.
        document: The document.
        job: Its value.
        names: Its nodes that are named by their names.
        selection: What it selects; None if it names its nodes, or they are not known yet.
    """
    key = key_of([delivery_key, document.number, "rollout"])
    nodes = selection.chosen if selection else named_targets(job)
    settings = rollout_settings(job, valid_for_seconds(job))
    # Late joiners are in the last wave, so each stays as it was asked for, empty or not.
    if nodes and settings.late_joiners == "ignore":
        settings = without_empty_waves(settings, len(nodes))
    body = build_body(job, key)
    return PlannedRollout(
        key=key,
        document=document.number,
        name=str(body["job_name"]),
        job_type=str(job["kind"]),
        template=_template(body),
        settings=settings,
        nodes=nodes,
        skipped=selection.skipped if selection else (),
        looked_up=selection.chosen if selection else names,
    )


def _template(body: dict[str, Json]) -> str:
    content = body["job_content"]
    kept = {**content, "targets": []} if isinstance(content, dict) else content
    rest = {name: value for name, value in body.items() if name != "job_name"}
    return json.dumps({**rest, "job_content": kept}, ensure_ascii=False, separators=(",", ":"))


def jobs_of_rollouts(rollouts: Sequence[PlannedRollout]) -> int:
    """Return how many jobs some rollouts are, if none of their nodes is tried again."""
    return sum(job_count(len(one.nodes), one.settings) for one in rollouts)


def window_problem(
    rollout: PlannedRollout, document: Document, grace: int | None
) -> Problem | None:
    """Return that a rollout's window is too short for one of its waves."""
    text = fits(rollout.settings, len(rollout.nodes) or 1, GRACE if grace is None else grace)
    return to_problem(Issue(("window",), text), document) if text else None
