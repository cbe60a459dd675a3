"""The decision about one plan: which rule applies, and everything it does not allow."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from handler.errors import Problem
from handler.parsing import first_problems
from handler.policy.rules import BUILT_IN
from handler.policy.sentences import source_sentence
from handler.policy.verdict import Approval, DailyLimit, PolicyDecision
from handler.specs.field_types import IMAGE_PATTERN, LONGEST_IMAGE
from handler.values.duration import duration_text
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handler.audit.record import Part
    from handler.policy.demand import Demand
    from handler.policy.rules import Policy, Rule, Source
    from handler.triggers.delivery import Delivery

_DIGEST_LENGTH = 64

_CHANGED = (
    "source changed: the object was written again after this event, and is run for an event of "
    "its own"
)


class Origin(NamedTuple):
    """Where a delivery comes from.

    Attributes:
        trigger: `timer`, `object` or `direct`.
        name: The object's key, or the timer's name.
        bucket: The object's bucket.
        account: The uploader's account; "" if it is not known.
        principal: The uploader's principal; "" if it is not known.
    """

    trigger: str
    name: str = ""
    bucket: str = ""
    account: str = ""
    principal: str = ""


def origin_of(delivery: Delivery, actor: Part) -> Origin:
    """Return where a delivery comes from.

    Args:
        delivery: The delivery.
        actor: Who is behind it; empty if unknown, as when the object was written again since.
    """
    name = delivery.source.get("trigger_name" if delivery.trigger == "timer" else "key", "")
    account, principal = (str(actor.get(name) or "") for name in ("account", "principal"))
    bucket = delivery.source.get("bucket", "") if delivery.trigger == "object" else ""
    return Origin(delivery.trigger, str(name), str(bucket), account, principal)


def decide(
    policy: Policy, origin: Origin, demands: Sequence[Demand], valid_for: int
) -> PolicyDecision:
    """Decide whether a plan is allowed.

    Args:
        policy: The rules.
        origin: Where the delivery comes from.
        demands: What each of its jobs asks for.
        valid_for: The operator's `valid_for`, in seconds.
    """
    return _decide(policy, origin, lambda rule: _refusals(rule, demands, valid_for))


def approval_of(policy: Policy, origin: Origin) -> Approval | None:
    """Return who must approve what comes from somewhere; None if no one needs to."""
    return _decide(policy, origin, lambda _rule: ()).approval


def decide_changed(policy: Policy, origin: Origin) -> PolicyDecision:
    """Decide whether an object may run that was written again after its event."""
    return _decide(policy, origin, lambda rule: [] if rule.source_changed else [(None, _CHANGED)])


def _decide(
    policy: Policy, origin: Origin, refusals: Callable[[Rule], Iterable[tuple[int | None, str]]]
) -> PolicyDecision:
    name = "built-in policy" if policy is BUILT_IN else "policy"
    for number, rule in enumerate(policy.rules, start=1):
        if matches(rule.source, origin):
            who = f"rule {number} of the {name} ({source_sentence(rule.source)})"
            limit = DailyLimit(rule.jobs_per_day, who) if rule.jobs_per_day else None
            approval = Approval(rule.approver, who) if rule.approval else None
            found = refusals(rule)
            problems = (Problem(f"{text}: {who} does not allow it", "", at) for at, text in found)
            return PolicyDecision(
                policy.digest,
                number,
                first_problems(problems),
                limit,
                approval,
                rule.source_key,
                rule.valid_for,
            )
    text = f"no rule of the {name} is for this source; ask the operator for one"
    return PolicyDecision(policy.digest, 0, (Problem(text),))


def matches(source: Source, origin: Origin) -> bool:
    """Return whether a delivery comes from a rule's source."""
    is_object = origin.trigger == "object"
    if source.prefix is not None and not (is_object and origin.name.startswith(source.prefix)):
        return False
    if source.bucket is not None and source.bucket != origin.bucket:
        return False
    if source.account is not None and source.account != origin.account:
        return False
    if source.principal is not None and source.principal != origin.principal:
        return False
    if source.timer is not None and not (
        origin.trigger == "timer" and fnmatchcase(origin.name, source.timer)
    ):
        return False
    return source.direct is None or origin.trigger == "direct"


def _refusals(
    rule: Rule, demands: Sequence[Demand], valid_for: int
) -> Iterator[tuple[int | None, str]]:
    """Yield what a rule does not allow, with the number of the document."""
    jobs, at_once = sum(one.jobs for one in demands), sum(one.at_once for one in demands)
    if at_once > rule.jobs_per_file:
        yield None, f"{at_once} jobs in one file, at most {rule.jobs_per_file}"
    if rule.jobs_per_day is not None and jobs > rule.jobs_per_day:
        yield None, f"{jobs} jobs in one file, at most {rule.jobs_per_day} in 24 hours"
    for demand in demands:
        for text in (*_job(rule, demand, valid_for), *_deployment(rule, demand)):
            yield demand.document, text


def _job(rule: Rule, demand: Demand, valid_for: int) -> Iterator[str]:
    if rule.kinds is not None and demand.kind not in rule.kinds:
        yield f"the kind {demand.kind}"
    yield from _targets(rule, demand)
    yield from _selection(rule, demand)
    longest = rule.valid_for or valid_for
    if demand.valid_for is not None and demand.valid_for > longest:
        yield f"valid_for of {duration_text(demand.valid_for)}, at most {duration_text(longest)}"
    for key in rule.tags:
        if key not in demand.tags:
            yield f"no tag {key}"


def _selection(rule: Rule, demand: Demand) -> Iterator[str]:
    for tag in rule.target_tags:
        if tag not in demand.target_tags:
            yield f"targets that are not selected by the tag {tag}"


def _targets(rule: Rule, demand: Demand) -> Iterator[str]:
    if rule.targets_per_job is not None and demand.targets_per_job > rule.targets_per_job:
        yield f"{demand.targets_per_job} targets in one job, at most {rule.targets_per_job}"
    if demand.grows and rule.jobs_per_day is not None:
        yield "late_joiners: include, since jobs_per_day counts what is selected now"
    lists = (rule.nodes, rule.node_names, rule.groups, rule.deployments)
    if all(one is None for one in lists):
        return
    if not demand.targets and demand.jobs:
        yield "no target named"
    if demand.grows:
        yield "late_joiners: include, since targets are listed"
    for place, (kind, target) in enumerate(demand.targets, start=1):
        problem = _target(rule, kind, target, demand.node_names.get(target))
        if problem:
            yield f"target {place}{problem}"


def _target(rule: Rule, kind: str, target: str, name: str | None) -> str:
    """Return what is wrong with a target; "" if nothing is."""
    if kind == "node" and rule.node_names is not None:
        if target in (rule.nodes or ()):
            return ""
        if name is None:
            return ", a node by its id: names are listed, so write its name"
        listed = any(fnmatchcase(name, pattern) for pattern in rule.node_names)
        return "" if listed else ", a node whose name is not listed"
    lists = {"node": rule.nodes, "node_group": rule.groups, "deployment": rule.deployments}
    if kind not in lists:
        return " without a target_type"
    allowed = lists[kind]
    return "" if allowed is None or target in allowed else f", a {kind} that is not listed"


def _deployment(rule: Rule, demand: Demand) -> Iterator[str]:
    if not demand.mappings:
        return
    flags = (
        (rule.privileged, demand.privileged, "a privileged container"),
        (rule.host_network, demand.host_network, "the node's network"),
        (rule.host_pid, demand.host_pid, "the node's processes"),
        (rule.run_as_root, demand.root, "a container that may run as root"),
    )
    for is_allowed, places, what in flags:
        if not is_allowed:
            yield from (f"{what} ({place})" for place in places())
    for place, path in demand.host_paths():
        if not any(_is_inside(path, folder) for folder in rule.host_paths):
            yield f"a folder of the node ({place})"
    if rule.image_digest or rule.images is not None:
        yield from _images(rule, demand)
    yield from _references(rule, demand)


def _images(rule: Rule, demand: Demand) -> Iterator[str]:
    for place, image in demand.images():
        is_short = len(image) <= LONGEST_IMAGE
        found = re.fullmatch(IMAGE_PATTERN, image.lower()) if is_short else None
        repository, _, digest = (found[0] if found else "").partition("@sha256:")
        if rule.image_digest and len(digest) != _DIGEST_LENGTH:
            yield f"an image without a digest ({place})"
        if rule.images is not None and not any(one in rule.images for one in _places(repository)):
            yield f"an image that is not listed ({place})"


def _places(repository: str) -> Iterator[str]:
    """Yield a repository without its tag, what it is in, and so on up to its registry.

    A reference without a slash that looks like a registry is of another registry, Docker Hub.
    """
    *steps, last = repository.split("/")
    if not steps and "." in last:
        return
    yield "/".join([*steps, last.partition(":")[0]])
    for count in range(len(steps), 0, -1):
        yield "/".join(steps[:count])


def _is_inside(path: str, folder: str) -> bool:
    """Return whether a path is a folder or in it; `/` is everything."""
    start = folder.rstrip("/")
    return bool(path) and (path == start or path.startswith(f"{start}/"))


def _references(rule: Rule, demand: Demand) -> Iterator[str]:
    for listed, kind in ((rule.secrets, "secret"), (rule.configmaps, "configmap")):
        if listed is not None:
            for place, name in demand.references(kind):
                if name not in listed:
                    yield f"a {kind} that is not listed ({place})"
