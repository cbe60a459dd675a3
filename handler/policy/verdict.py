"""Verdict: the decision of the policy about a plan.

Every cold start loads this module, and under the built-in policy an upgrade needs no other one of
the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.errors import Problem
    from handler.policy.rules import Source
    from handler.specs.planner import PlannedJob

BUILT_IN_NAME = "built-in"
"""What records and commands call the built-in policy, which has no file with a digest."""

MOST_JOBS = 200
"""How many jobs one file may ask for, unless a rule says otherwise."""


class DailyLimit(NamedTuple):
    """How many jobs may be planned under one rule within 24 hours.

    Attributes:
        jobs: The most jobs.
        rule: The rule as a refusal names it, such as `rule 1 of the policy (everyone)`.
    """

    jobs: int
    rule: str


class Approval(NamedTuple):
    """Who must approve a plan.

    Attributes:
        approver: Where the approval must come from; anyone but the uploader if it names nothing.
        rule: The rule as a refusal names it.
    """

    approver: Source
    rule: str


class PolicyDecision(NamedTuple):
    """The decision about a plan.

    Attributes:
        policy: The digest of the policy, or `BUILT_IN_NAME`.
        rule: The number of the rule that applies, from 1; 0 if none does.
        problems: What is not allowed; empty if the plan is.
        limit: The rule's limit, which only the log can judge; None if it has none.
        approval: Who must approve the plan first; None if no one needs to.
        source: A key of the rule's source, by which the jobs of a day are counted; "" in the
            built-in policy, which has no such limit.
        valid_for: How long the rule lets a job be sent after its delivery, in seconds; None: as
            long as the operator's setting.
    """

    policy: str
    rule: int
    problems: tuple[Problem, ...] = ()
    limit: DailyLimit | None = None
    approval: Approval | None = None
    source: str = ""
    valid_for: int | None = None


def is_plain(jobs: Sequence[PlannedJob], valid_for: int) -> bool:
    """Return whether the built-in policy allows jobs whatever is in their request bodies.

    A node upgrade has no deployment: `specs/api_form.py` and `specs/short_form.py` refuse one.

    Args:
        jobs: The jobs of a plan.
        valid_for: The operator's `valid_for`, in seconds.
    """
    return len(jobs) <= MOST_JOBS and all(
        job.job_type == "node_upgrade" and (job.valid_for or 0) <= valid_for for job in jobs
    )


ALLOWED = PolicyDecision(BUILT_IN_NAME, 1)
"""The decision of the built-in policy about a plan that it allows."""
