"""The rules of a policy as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.values.duration import duration_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from handler.policy.rules import Rule, Source


def source_sentence(source: Source) -> str:
    """Return who a rule is for, such as `files under ops/ from account 1`."""
    parts = []
    if source.prefix is not None:
        parts.append(f"files under {source.prefix}")
    if source.bucket is not None:
        parts.append(f"{'files ' if not parts else ''}in bucket {source.bucket}")
    if source.account is not None:
        parts.append(f"{'files ' if not parts else ''}from account {source.account}")
    if source.principal is not None:
        parts.append(f"{'files ' if not parts else ''}from principal {source.principal}")
    if source.timer is not None:
        parts.append(f"the timer {source.timer}")
    if source.direct:
        parts.append("direct invocations")
    return " ".join(parts) or "everyone"


def rule_sentences(number: int, rule: Rule) -> Sequence[str]:
    """Return a rule as sentences: who it is for, what may be asked, what may not."""
    who = source_sentence(rule.source)
    return [f"{number}. {who[0].upper()}{who[1:]}:", *(f"   - {one}" for one in _allowed(rule))]


def _allowed(rule: Rule) -> Iterator[str]:
    yield f"kinds of jobs: {_listed(rule.kinds, 'all')}"
    yield f"nodes: {_listed(rule.nodes, 'any' if rule.node_names is None else 'none by id')}"
    if rule.node_names is not None:
        yield f"nodes by name: {_listed(rule.node_names, 'any')}"
    yield f"node groups: {_listed(rule.groups, 'any')}"
    yield f"deployments: {_listed(rule.deployments, 'any')}"
    if rule.target_tags:
        yield f"only targets that are selected by the tags {', '.join(rule.target_tags)}"
    most = rule.targets_per_job
    yield f"at most {rule.jobs_per_file} jobs in a file, {most or 'any number of'} targets in a job"
    if rule.jobs_per_day is not None:
        yield f"at most {rule.jobs_per_day} jobs in 24 hours"
    digest = ", each with a digest" if rule.image_digest else ""
    yield f"images: {_listed(rule.images)}{digest}"
    yield f"secrets: {_listed(rule.secrets, 'any')}; configmaps: {_listed(rule.configmaps, 'any')}"
    yield f"folders of the node: {_listed(rule.host_paths)}"
    flags = {
        "privileged containers": rule.privileged,
        "the node's network": rule.host_network,
        "the node's processes": rule.host_pid,
        "running as root": rule.run_as_root,
    }
    on, off = (
        [name for name, is_on in flags.items() if is_on is wanted] for wanted in (True, False)
    )
    yield f"allowed: {_listed(on, none='nothing more')}"
    yield f"not allowed: {_listed(off, none='nothing')}"
    longest = duration_text(rule.valid_for) if rule.valid_for else "NIGHTDROP_VALID_FOR"
    yield f"valid_for: at most {longest}"
    if rule.source_changed:
        yield "objects that were written again after their event are run"
    if rule.approval:
        who = source_sentence(rule.approver) if any(rule.approver) else "anyone but its uploader"
        yield f"nothing runs until it is approved by an operator, or by {who}"
    if rule.tags:
        yield f"tags that each job needs: {', '.join(rule.tags)}"


def _listed(names: Collection[str] | None, unset: str = "any", none: str = "none") -> str:
    """Return names in a row; `unset` for None, `none` for an empty list."""
    return unset if names is None else ", ".join(names) or none
