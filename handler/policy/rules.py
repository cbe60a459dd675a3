"""Rules: who may ask for what, as plain values.

Neither pydantic nor YAML is needed for the built-in policy: it costs a cold start nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handler.errors import Problem

MOST_JOBS = 200
"""How many jobs one file may ask for, unless a rule says otherwise."""


@dataclass(frozen=True)
class Source:
    """Where a delivery comes from; every field that is set must match.

    Attributes: those of `policy_file.SourceForm`.
    """

    prefix: str | None = None
    account: str | None = None
    principal: str | None = None
    timer: str | None = None
    direct: bool | None = None


@dataclass(frozen=True)
class Rule:
    """What one source may ask for.

    Attributes: those of `policy_file.RuleForm`; `source` is its `from`, `valid_for` in seconds.
    """

    source: Source = Source()
    kinds: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    deployments: tuple[str, ...] | None = None
    targets_per_job: int | None = None
    jobs_per_file: int = MOST_JOBS
    images: tuple[str, ...] | None = None
    image_digest: bool = False
    privileged: bool = False
    host_network: bool = False
    host_pid: bool = False
    host_paths: tuple[str, ...] = ()
    run_as_root: bool = True
    secrets: tuple[str, ...] | None = None
    configmaps: tuple[str, ...] | None = None
    valid_for: int | None = None
    tags: tuple[str, ...] = ()
    source_changed: bool = False


@dataclass(frozen=True)
class Policy:
    """An operator's policy.

    Attributes:
        rules: Tried in order; the first whose source matches decides.
        digest: SHA-256 of its file in hex; `built-in` for the built-in policy.
    """

    rules: tuple[Rule, ...]
    digest: str


BUILT_IN = Policy((Rule(),), "built-in")
"""Applies if NIGHTDROP_POLICY is empty: everything the API allows, but no privileged containers and
nothing of the node's network, processes and folders, and at most 200 jobs in a file."""


@dataclass(frozen=True)
class PolicyDecision:
    """The decision about a plan.

    Attributes:
        policy: The digest of the policy.
        rule: The number of the rule that applies, from 1; 0 if none does.
        problems: What is not allowed; empty if the plan is.
    """

    policy: str
    rule: int
    problems: tuple[Problem, ...] = ()


ALLOWED = PolicyDecision(BUILT_IN.digest, 1)
"""The decision of the built-in policy about a plan that it allows."""
