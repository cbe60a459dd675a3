"""What one job or rollout asks for, read from its request body, whichever form its spec was in.

A deployment is searched as a whole, not field by field: the API may read a field in another
spelling (`hostNetwork`, `Privileged`, `configs.host_network`) or at another place than its page
shows, so a guarded field counts wherever it is and however its words are joined.
"""

from __future__ import annotations

import json
import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING

from handler.parsing import format_path
from handler.policy.mappings import (
    entries_of,
    found_mappings,
    has_type,
    plain_fields,
    plain_name,
    values_of,
)
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.policy.mappings import FoundMapping
    from handler.specs.planner import PlannedJob
    from handler.values.canonical_json import Json

_OFF = (None, False, 0, "")
"""Values that every reader takes for "off"; the text `false` is true to some."""

_PRIVILEGES = (
    "privileged",
    "capadd",
    "devices",
    # What else the Pod Security Standards of Kubernetes forbid at their level "baseline".
    "procmount",
    "selinuxoptions",
    "sysctls",
    "hostprocess",
    "volumedevices",
)
_UNCONFINED = "unconfined"
"""A profile of AppArmor or seccomp that forbids nothing."""

_DECODED = ("taskdata", "jobcontent", "deployment", "template")
"""Fields that hold mappings; a text in their place might be decoded, and is not judged."""

_VOLUME_TYPES = ("configmap", "secret", "emptydir")
_TARGET_FIELDS = {
    ("nodeid", "nodeids", "nodename"): "node",
    ("groupid", "groupids", "autonomyedgeselector"): "node_group",
    ("deploymentid", "deploymentids"): "deployment",
    ("targetid", "targetids"): "",
}
"""How the plain names of fields end that name targets, and the targets' type."""

_TARGET_NAMES = {
    "node": "node",
    "nodes": "node",
    "group": "node_group",
    "groups": "node_group",
    "edgegroup": "node_group",
    "deployments": "deployment",
}
"""The same, for whole names; others end like them."""

_LONGEST = 64
"""Characters of a name that tell whether it names targets: its end, or all of it."""

_MOST_USERS = 2**31
"""Linux has no user from this number on: it may be read as one that is left of it, such as 0."""


class Demand(NamedTuple):
    """What one job, or all jobs of one rollout, ask for.

    Attributes:
        document: The number of its document in the file, from 1.
        kind: Its `job_type`.
        targets: Type (`node`, `node_group`, `deployment`, "" if the job names none) and id of
            each thing that it works on.
        node_names: The names of nodes, by their ids, as the node list has them: only of nodes that
            were looked up. What a spec writes beside an id is its author's and does not count.
        tags: The keys of its tags.
        valid_for: Seconds in which it may be sent; None: the operator's setting.
        mappings: Everything in its deployment, looked through for what a rule is about.
        at_once: How many jobs of a rollout run at once; its gate bounds what all of them do.
        jobs: How many jobs it is; 0 for a rollout whose nodes are not selected yet.
        targets_per_job: The most targets that one of them has.
        target_tags: Tags, as `key=value`, that all targets have, since they are selected by them.
        grows: Whether targets are added to it that nobody has judged.
    """

    document: int
    kind: str
    targets: tuple[tuple[str, str], ...]
    node_names: Mapping[str, str]
    tags: frozenset[str]
    valid_for: int | None
    mappings: list[FoundMapping]
    jobs: int = 1
    at_once: int = 1
    targets_per_job: int = 0
    target_tags: frozenset[str] = frozenset()
    grows: bool = False

    def images(self) -> Iterator[tuple[str, str]]:
        """Yield each container's image, by its path in the deployment; "" if it is no text."""
        return _named(self.mappings, "imageurl", "image")

    def privileged(self) -> Iterator[str]:
        """Yield the paths of fields that ask for privileges, and of texts instead of a deployment.

        Privileged containers, capabilities, devices, kernel parameters, no confinement.
        """
        yield from _asking(self.mappings, *_PRIVILEGES)
        yield from _capabilities(self.mappings)
        yield from _unjudged(self.mappings)

    def host_network(self) -> Iterator[str]:
        """Yield the paths of fields that ask for the node's network."""
        return _asking(self.mappings, "hostnetwork")

    def host_pid(self) -> Iterator[str]:
        """Yield the paths of fields that ask for the node's processes or IPC."""
        return _asking(self.mappings, "hostpid", "hostipc")

    def host_paths(self) -> Iterator[tuple[str, str]]:
        """Yield each mounted folder of the node, normalised, by its path; "" if none is named."""
        return _host_paths(self.mappings)

    def root(self) -> Iterator[str]:
        """Yield the paths of containers that may run as root."""
        return _as_root(self.mappings)

    def references(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the name of each `secret` or `configmap`, by its path; "" if none is named."""
        return _references(self.mappings, kind)


def demand_of(job: PlannedJob) -> Demand:
    """Return what a planned job asks for."""
    request = json.loads(job.body)
    content = request.get("job_content") or {}
    task_data = content.get("task_data")
    mappings = found_mappings(json.loads(task_data)) if task_data else []
    targets = (*_targets(content), *_targets_of_task(mappings))
    return Demand(
        document=job.document,
        kind=job.job_type,
        targets=targets,
        targets_per_job=len(targets),
        node_names=dict(job.nodes),
        tags=frozenset(tag["key"] for tag in request.get("tags", [])),
        valid_for=job.valid_for,
        mappings=mappings,
    )


def _targets(content: dict[str, Json]) -> Iterator[tuple[str, str]]:
    listed = content.get("targets")
    for target in listed if isinstance(listed, list) else ():
        if isinstance(target, dict):
            yield str(content.get("target_type") or ""), str(target.get("target_id"))


def _targets_of_task(mappings: list[FoundMapping]) -> Iterator[tuple[str, str]]:
    """Yield the nodes, groups and deployments that a deployment names itself."""
    for _, fields in mappings:
        for name, written in fields.items():
            for kind in _target_types(name[-_LONGEST:]):
                yield from ((kind, str(one)) for _, value in written for one in entries_of(value))


@lru_cache(maxsize=1024)
def _target_types(name: str) -> tuple[str, ...]:
    """Return the types of the targets that a field of a plain name names; most name none."""
    by_end = (kind for ends, kind in _TARGET_FIELDS.items() if name.endswith(ends))
    return (*by_end, *([_TARGET_NAMES[name]] if name in _TARGET_NAMES else []))


def _asking(mappings: list[FoundMapping], *names: str) -> Iterator[str]:
    """Yield the path of each field with one of some names that is not off."""
    for path, fields in mappings:
        if fields.keys().isdisjoint(names):
            continue
        for name in names:
            for written, value in fields.get(name, ()):
                if value not in _OFF:
                    yield format_path((*path, written))


def _capabilities(mappings: list[FoundMapping]) -> Iterator[str]:
    """Yield the path of each list of added capabilities; to drop some is no demand."""
    for path, fields in mappings:
        for written, value in fields.get("capabilities", ()):
            if value and not _only_drops(value):
                yield format_path((*path, written))


def _only_drops(value: Json) -> bool:
    return isinstance(value, dict) and not any(
        inner
        for name, inner in value.items()
        if plain_name(name) != "drop" or not isinstance(inner, list)
    )


def _unjudged(mappings: list[FoundMapping]) -> Iterator[str]:
    """Yield the path of each text that turns confinement off, or stands for a deployment."""
    for path, fields in mappings:
        for name, written in fields.items():
            for field, value in written:
                if isinstance(value, str) and (
                    plain_name(value) == _UNCONFINED or (name in _DECODED and "{" in value)
                ):
                    yield format_path((*path, field))


def _named(mappings: list[FoundMapping], *names: str) -> Iterator[tuple[str, str]]:
    for path, fields in mappings:
        if fields.keys().isdisjoint(names):
            continue
        for name in names:
            for written, value in fields.get(name, ()):
                yield format_path((*path, written)), value if isinstance(value, str) else ""


def _host_paths(mappings: list[FoundMapping]) -> Iterator[tuple[str, str]]:
    """Yield mounted folders: a volume of the type, or a field of that name as Kubernetes has it.

    A volume of a type that no page has may be one, too.
    """
    for path, fields in mappings:
        is_volume = {"source", "destination"} <= fields.keys()
        if has_type(fields, "hostpath") or (is_volume and not has_type(fields, *_VOLUME_TYPES)):
            for source in values_of(fields, "source") or [None]:
                yield format_path(path), _normalised(source)
        for inner in values_of(fields, "hostpath"):
            paths = (
                values_of(plain_fields(inner), "path") or [None]
                if isinstance(inner, dict)
                else [inner]
            )
            for one in paths:
                yield format_path(path), _normalised(one)


def _normalised(value: Json) -> str:
    text = value if isinstance(value, str) else ""
    return posixpath.normpath("/" + text.lstrip("/")) if text.startswith("/") else ""


def _as_root(mappings: list[FoundMapping]) -> Iterator[str]:
    """Yield containers that name no other user than root; an image's own user is not known."""
    for path, fields in mappings:
        if fields.keys() & {"imageurl", "image", "runasuser"}:
            users = values_of(fields, "runasuser")
            if not users or not all(map(_is_other_than_root, users)):
                yield format_path(path)


def _is_other_than_root(user: Json) -> bool:
    return isinstance(user, int) and not isinstance(user, bool) and 0 < user < _MOST_USERS


def _references(mappings: list[FoundMapping], kind: str) -> Iterator[tuple[str, str]]:
    """Yield the names of secrets or configmaps.

    They are in volumes of that type, and in fields like `secret`, `secretKeyRef`, `secretName` and
    `imagePullSecrets`: a name, a mapping with a name, or a list of these.
    """
    for path, fields in mappings:
        if has_type(fields, kind):
            for source in values_of(fields, "source") or [None]:
                yield format_path(path), str(source or "")
        for name, written in fields.items():
            if kind in name:
                for field, value in written:
                    for one in entries_of(value):
                        yield from ((format_path((*path, field)), found) for found in _names(one))


def _names(reference: Json) -> Iterator[str]:
    """Yield the names in a reference; those in fields like `secretName` have their own."""
    if not isinstance(reference, dict):
        yield str(reference)
        return
    fields = plain_fields(reference)
    names = values_of(fields, "name")
    if names or not any(name.endswith("name") for name in fields):
        yield from map(str, names or [""])
