"""Rollouts under a policy: judged as their jobs would be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from handler.parsing import Document
from handler.policy.decision import decide
from handler.policy.plan_demands import demands_of
from handler.policy.policy_file import read_policy
from handler.policy.rules import BUILT_IN
from handler.specs.planner import make_plan
from handler.specs.selector import Selection
from tests.unit.policy.cases import CASES, DROPPED, Case

if TYPE_CHECKING:
    from handler.policy.rules import Policy
    from handler.specs.planner import NamedNodes

SIX_HOURS = 6 * 3600
NODES = [f"node-{number}" for number in range(100)]
CHOSEN = tuple((one, f"gw-{one}") for one in NODES)
SELECT = {"kind": "node_upgrade", "name": "x", "targets": {"select": {"tags": {"site": "north"}}}}
UPGRADE = Case("", {}, kind="node_upgrade", targets={"nodes": NODES}).short_form()


def policy_of(rule: dict[str, Any]) -> Policy:
    """Return a policy of one rule."""
    return read_policy(json.dumps({"rules": [rule]}).encode())


def refused(
    policy: Policy,
    *jobs: dict[str, Any],
    chosen: NamedNodes = CHOSEN,
    case: Case | None = None,
) -> str:
    """Return why a file is refused, of whose documents each selects the same."""
    documents = [Document(number, job) for number, job in enumerate(jobs, start=1)]
    selecting = [number for number, job in enumerate(jobs, start=1) if "select" in job["targets"]]
    selections = {number: Selection(chosen) for number in selecting if chosen}
    plan = make_plan("k" * 52, documents, selections=selections)
    origin = case.origin if case else DROPPED
    return "\n".join(map(str, decide(policy, origin, demands_of(plan), SIX_HOURS).problems))


@pytest.mark.parametrize(
    "case", [one for one in CASES if "groups" not in one.targets], ids=lambda case: case.title
)
def test_a_case_is_decided_for_a_rollout_as_for_a_job(case: Case) -> None:
    """Each case of the table, with waves."""
    text = refused(policy_of(dict(case.rule)), {**case.short_form(), "rollout": {}}, case=case)
    assert bool(text) == bool(case.refused), text
    assert case.refused in text


@pytest.mark.parametrize("job", [{**UPGRADE, "rollout": {}}, SELECT], ids=["named", "selected"])
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, ""),
        ({"kinds": ["node_upgrade"]}, ""),
        ({"kinds": ["deployment_deploy"]}, "the kind node_upgrade"),
        ({"nodes": NODES}, ""),
        ({"nodes": NODES[:-1]}, "target 100, a node that is not listed"),
        ({"targets_per_job": 20}, ""),
        ({"targets_per_job": 19}, "20 targets in one job, at most 19"),
        ({"jobs_per_file": 3}, ""),
        ({"jobs_per_file": 2}, "3 jobs in one file, at most 2"),
        ({"jobs_per_day": 5}, ""),
        ({"jobs_per_day": 4}, "5 jobs in one file, at most 4 in 24 hours"),
        ({"tags": ["team"]}, "no tag team"),
    ],
)
def test_a_rule_counts_all_nodes_and_all_jobs(
    job: dict[str, Any], rule: dict[str, Any], why: str
) -> None:
    """A hundred nodes in one wave are five jobs of twenty, three of which run at once."""
    text = refused(policy_of(rule), job)
    assert bool(text) == bool(why), text
    assert why in text


def test_the_jobs_of_every_wave_count_for_the_day() -> None:
    """One for the first node, five for the others; with one job beside it."""
    waves = {**SELECT, "rollout": {"waves": [1, "100%"]}}
    one_job = Case("", {}, kind="node_upgrade").short_form()
    assert "7 jobs in one file" in refused(policy_of({"jobs_per_day": 6}), waves, one_job)
    assert not refused(policy_of({"jobs_per_day": 7}), waves, one_job)


def test_the_built_in_policy_allows_a_rollout_of_any_size() -> None:
    """Its gate bounds what its jobs can do; only those that run at once count."""
    chosen = tuple((f"id-{number}", "") for number in range(10_000))
    assert not refused(BUILT_IN, SELECT, chosen=chosen)
    wide = {**SELECT, "rollout": {"max_parallel_jobs": 100}}
    narrow = policy_of({"jobs_per_file": 99})
    assert "100 jobs in one file, at most 99" in refused(narrow, wide, chosen=chosen)


@pytest.mark.parametrize(("asked", "why"), [("6h", ""), ("7h", "valid_for of 7h, at most 6h")])
def test_the_validity_of_a_rollout_is_limited(asked: str, why: str) -> None:
    """As that of a job."""
    text = refused(policy_of({}), {**SELECT, "valid_for": asked})
    assert bool(text) == bool(why)
    assert why in text


def test_the_names_of_what_is_selected_are_those_of_the_node_list() -> None:
    """One that a spec writes beside an id is its author's."""
    policy = policy_of({"node_names": ["gw-node-*"]})
    assert not refused(policy, SELECT)
    assert "target 100, a node whose name is not listed" in refused(
        policy, SELECT, chosen=(*CHOSEN[:-1], ("node-99", "other"))
    )
    named = {**UPGRADE, "rollout": {}, "targets": {"nodes": [{"id": "n", "name": "gw-node-1"}]}}
    assert "a node by its id" in refused(policy, named)


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (SELECT, ""),
        ({**SELECT, "targets": {"select": {"tags": {"site": "north", "ring": "1"}}}}, ""),
        ({**SELECT, "targets": {"select": {"tags": {"site": "south"}}}}, "by the tag site=north"),
        ({**SELECT, "targets": {"select": {"name": "*"}}}, "by the tag site=north"),
        ({**UPGRADE, "rollout": {}}, "by the tag site=north"),
        (UPGRADE, "by the tag site=north"),
    ],
)
def test_a_rule_may_want_targets_to_be_selected_by_a_tag(job: dict[str, Any], why: str) -> None:
    """What is named may have it or not: nobody looked."""
    text = refused(policy_of({"target_tags": ["site=north"]}), job)
    assert bool(text) == bool(why)
    assert why in text


def test_targets_that_a_deployment_names_itself_are_not_selected() -> None:
    """They may be of any site."""
    case = Case("", {}, envelope={"node_ids": ["elsewhere"]})
    job = {**case.short_form(), "targets": SELECT["targets"]}
    assert "by the tag site=north" in refused(policy_of({"target_tags": ["site=north"]}), job)


def test_nodes_that_join_later_are_not_allowed_where_nodes_are_listed() -> None:
    """Nobody judges them; tags hold for them, too."""
    job = {**SELECT, "rollout": {"late_joiners": "include"}}
    assert "late_joiners: include" in refused(policy_of({"nodes": NODES}), job)
    assert "late_joiners: include" in refused(policy_of({"node_names": ["*"]}), job)
    assert not refused(policy_of({"target_tags": ["site=north"]}), job)


def test_what_is_not_selected_yet_is_judged_by_what_is_known() -> None:
    """`nightdrop policy check` lists no nodes."""
    assert not refused(policy_of({"nodes": NODES, "jobs_per_file": 1}), SELECT, chosen=())
    assert "20 targets in one job" in refused(policy_of({"targets_per_job": 9}), SELECT, chosen=())


def test_a_deployment_on_nodes_of_its_own_counts_among_a_jobs_targets() -> None:
    """Beside those that the rollout selects."""
    case = Case("", {}, envelope={"node_ids": ["elsewhere"]})
    job = {**case.short_form(), "targets": SELECT["targets"]}
    assert "21 targets in one job" in refused(policy_of({"targets_per_job": 20}), job)


def test_late_joiners_are_refused_where_the_jobs_of_a_day_are_limited() -> None:
    """They would be in jobs that nobody has counted."""
    job = {**SELECT, "rollout": {"waves": ["100%"], "late_joiners": "include"}}
    policy = policy_of({"jobs_per_day": 50})
    assert "since jobs_per_day counts what is selected now" in refused(policy, job)
    assert refused(policy_of({}), job) == ""
