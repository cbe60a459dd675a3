"""What the policy allows and refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import PolicyError
from handler.parsing import Document
from handler.policy.decision import Origin, decide, origin_of
from handler.policy.demand import demand_of
from handler.policy.policy_file import read_policy
from handler.policy.rules import BUILT_IN, Policy
from handler.specs.planner import make_plan
from handler.triggers.delivery import Delivery
from handler.triggers.event_parser import parse_event
from tests.unit.policy.cases import CASES, DROPPED, Case

if TYPE_CHECKING:
    from handler.policy.verdict import PolicyDecision
    from handler.values.canonical_json import Json

SIX_HOURS = 6 * 3600


def decided(policy: Policy, *jobs: dict[str, Any], origin: Origin = DROPPED) -> PolicyDecision:
    """Decide about the plan of some documents."""
    documents = [Document(number, job, {}) for number, job in enumerate(jobs, start=1)]
    plan = make_plan("k" * 52, documents)
    return decide(policy, origin, list(map(demand_of, plan.jobs)), SIX_HOURS)


def policy_of(*rules: dict[str, Any]) -> Policy:
    """Return a policy of some rules."""
    return read_policy(json.dumps({"rules": list(rules)}).encode())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_case_is_decided_alike_in_both_forms(case: Case) -> None:
    """Each case of the table, as a short form and as the API's own body."""
    for job in (case.short_form(), case.api_form()):
        decision = decided(policy_of(dict(case.rule)), job, origin=case.origin)
        text = "\n".join(map(str, decision.problems))
        assert bool(text) == bool(case.refused), text
        assert case.refused in text


def test_there_are_enough_cases_allowed_and_refused() -> None:
    """At least 80 with both forms counted, and a third of them of either kind."""
    refused = sum(bool(case.refused) for case in CASES)
    assert 2 * len(CASES) >= 80
    assert min(refused, len(CASES) - refused) >= len(CASES) / 3


def test_the_first_rule_that_fits_decides() -> None:
    """A later rule that would allow more is not looked at."""
    policy = policy_of({"from": {"prefix": "ops/"}, "kinds": []}, {})
    decision = decided(policy, Case("", {}).short_form())
    assert decision.rule == 1
    assert decision.problems


def test_a_refusal_names_rule_source_and_document() -> None:
    """Whoever dropped the file must know what to change, or whom to ask."""
    policy = policy_of({"from": {"timer": "x"}}, {"from": {"prefix": "ops/"}, "kinds": []})
    decision = decided(policy, Case("", {}).short_form())
    [problem] = decision.problems
    assert str(problem) == (
        "document 1: the kind deployment_deploy: rule 2 of the policy (files under ops/) does not"
        " allow it"
    )


def test_the_jobs_of_a_file_are_counted() -> None:
    """201 jobs are one too many for the built-in policy."""
    job = Case("", {}, kind="node_upgrade").short_form()
    assert not decided(BUILT_IN, *[job] * 200).problems
    assert "201 jobs in one file, at most 200" in str(decided(BUILT_IN, *[job] * 201).problems[0])


@pytest.mark.parametrize(
    ("rule", "asked", "allowed"),
    [({}, "6h", True), ({}, "7h", False), ({"valid_for": "2d"}, "2d", True)],
)
def test_valid_for_is_limited_by_the_rule_or_the_setting(
    rule: dict[str, Any], asked: str, *, allowed: bool
) -> None:
    """A spec cannot stay valid for longer than the operator wants."""
    job = {**Case("", {}).short_form(), "valid_for": asked}
    assert bool(decided(policy_of(rule), job).problems) != allowed


def test_a_job_without_targets_is_refused_where_targets_are_listed() -> None:
    """The API's pages do not say what such a job works on."""
    body = {**Case("", {}).api_form(), "job_content": {}, "job_type": "node_upgrade"}
    assert decided(policy_of({"nodes": ["node-1"]}), body).problems
    assert not decided(BUILT_IN, body).problems


def test_a_target_without_a_type_is_refused_where_targets_are_listed() -> None:
    """It might be a node, a group or a deployment."""
    body = Case("", {}, kind="node_upgrade").api_form()
    del body["job_content"]["target_type"]
    assert decided(policy_of({"nodes": ["node-1"]}), body).problems
    assert not decided(BUILT_IN, body).problems


def test_no_value_of_the_file_is_in_a_refusal() -> None:
    """A refusal is shown to other people than the file's author."""
    case = replace(CASES[0], container={"extra": {"privileged": "CANARY"}, "image": "CANARY"})
    policy = policy_of({"images": [], "secrets": []})
    decision = decided(policy, case.api_form())
    assert decision.problems
    assert "CANARY" not in "".join(map(str, decision.problems))


def test_a_prefix_that_no_key_has_is_refused() -> None:
    """Files that the rule is meant for would fall to a later rule, which may allow more."""
    with pytest.raises(PolicyError, match=r'rules\[0\].from.prefix: .*did you mean "ops/"'):
        policy_of({"from": {"prefix": "/ops/"}, "kinds": []}, {})


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"from": {"prefx": "ops/"}}, r"rules\[0\].from.prefx: .*did you mean `prefix`"),
        ({"frm": {"prefix": "ops/"}}, r"rules\[0\].frm: .*did you mean `from`"),
        ({"source": {"prefix": "ops/"}}, r"rules\[0\].source: unknown field; known here: from,"),
        ({"machines": ["n"]}, r"rules\[0\].machines: unknown field; known here: from,"),
        ({"from": {"direct": "yes"}}, r"rules\[0\].from.direct: must be true"),
        ({"from": ["ops/"]}, r"rules\[0\].from: must be a mapping"),
    ],
)
def test_a_misspelt_source_is_refused_with_the_right_name(rule: dict[str, Any], why: str) -> None:
    """A rule without its source would be for everyone."""
    with pytest.raises(PolicyError, match=why):
        policy_of(rule)


def test_long_lists_cost_less_than_a_second() -> None:
    """A file full of images, or of targets, against a policy that lists as many."""
    images = {f"k{number}": {"image": f"team{number}/app"} for number in range(5000)}
    job = Case("", {}, container={"extra": images}).short_form()
    nodes = [f"node-{number}" for number in range(9000)]
    other = Case("", {}, kind="node_upgrade", targets={"nodes": nodes}).short_form()
    listed = [f"other{number}" for number in range(5000)] + ["registry.example.com"]
    policy = policy_of({"images": listed, "nodes": nodes[:-1]})
    began = time.process_time()
    assert decided(policy, job, other).problems
    assert time.process_time() - began < 1


def test_the_origin_is_what_the_event_says() -> None:
    """The object's key and its uploader; the timer's name."""
    tick: dict[str, Json] = {
        "version": "v1.0",
        "time": "2026-11-23T02:00:00Z",
        "trigger_type": "TIMER",
        "trigger_name": "nightly",
        "user_event": "{}",
    }
    fired = parse_event(tick, eventgrid_keys="encoded")
    assert isinstance(fired, Sequence)
    [delivery] = fired
    assert isinstance(delivery, Delivery)
    assert origin_of(delivery, delivery.actor) == Origin("timer", "nightly")
