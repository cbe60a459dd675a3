"""Rules: who may ask for what, as plain values.

The built-in policy needs neither pydantic nor YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.policy.verdict import BUILT_IN_NAME, MOST_JOBS
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection


class Source(NamedTuple):
    """Where a delivery comes from; every field that is set must match.

    Attributes: those of `policy_file.SourceForm`.
    """

    prefix: str | None = None
    bucket: str | None = None
    account: str | None = None
    principal: str | None = None
    timer: str | None = None
    direct: bool | None = None


class Rule(NamedTuple):
    """What one source may ask for.

    Attributes: those of `policy_file.RuleForm`; `source` is its `from`, `valid_for` in seconds.
        Its lists are dictionaries: in their order, and a name is found at once. `source_key` is
        the key of `source` by which the jobs of a day are counted.
    """

    source: Source = Source()
    kinds: Collection[str] | None = None
    nodes: Collection[str] | None = None
    node_names: Collection[str] | None = None
    groups: Collection[str] | None = None
    deployments: Collection[str] | None = None
    targets_per_job: int | None = None
    target_tags: Collection[str] = ()
    jobs_per_file: int = MOST_JOBS
    jobs_per_day: int | None = None
    images: Collection[str] | None = None
    image_digest: bool = False
    privileged: bool = False
    host_network: bool = False
    host_pid: bool = False
    host_paths: Collection[str] = ()
    run_as_root: bool = True
    secrets: Collection[str] | None = None
    configmaps: Collection[str] | None = None
    valid_for: int | None = None
    tags: Collection[str] = ()
    source_changed: bool = False
    approval: str | None = None
    approver: Source = Source()
    source_key: str = ""


class Policy(NamedTuple):
    """An operator's policy.

    Attributes:
        rules: Tried in order; the first whose source matches decides.
        digest: SHA-256 of its file in hex; `BUILT_IN_NAME` for the built-in policy.
    """

    rules: tuple[Rule, ...]
    digest: str


BUILT_IN = Policy((Rule(),), BUILT_IN_NAME)
"""Applies if NIGHTDROP_POLICY is empty: everything the API allows, but no privileged containers and
nothing of the node's network, processes and folders, and at most 200 jobs in a file."""
