"""What one job asks for, read from its request body, whichever form its spec was in.

A deployment is searched as a whole, not field by field: the API may read a field in another
spelling (`hostNetwork`, `Privileged`) or at another place than its page shows, so a guarded field
counts wherever it is and however its words are joined.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from handler.parsing import path_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing import Path
    from handler.values.canonical_json import Json

Mapping: TypeAlias = "tuple[Path, dict[str, Json]]"

_OFF = (None, False, 0, "", "false", "False", "0")


@dataclass(frozen=True)
class Demand:
    """What one job asks for.

    Attributes:
        document: The number of its document in the file, from 1.
        kind: Its `job_type`.
        targets: Type (`node`, `node_group`, `deployment`, "" if the job names none) and id of
            each thing that it works on.
        tags: The keys of its tags.
        valid_for: Seconds in which it may be sent; None: the operator's setting.
        images: Each container's image, by its path in the deployment.
        privileged: Paths of privileged containers.
        host_network: Paths of fields that ask for the node's network.
        host_pid: Paths of fields that ask for the node's processes or IPC.
        host_paths: Each mounted folder of the node, normalised, by its path; "" if none is named.
        root: Paths of containers that may run as root.
        secrets: The name of each secret, by its path.
        configmaps: The name of each configmap, by its path.
    """

    document: int
    kind: str
    targets: tuple[tuple[str, str], ...]
    tags: frozenset[str]
    valid_for: int | None
    images: tuple[tuple[str, str], ...]
    privileged: tuple[str, ...]
    host_network: tuple[str, ...]
    host_pid: tuple[str, ...]
    host_paths: tuple[tuple[str, str], ...]
    root: tuple[str, ...]
    secrets: tuple[tuple[str, str], ...]
    configmaps: tuple[tuple[str, str], ...]


def demand_of(body: str, *, document: int = 1, valid_for: int | None = None) -> Demand:
    """Return what a job asks for.

    Args:
        body: The JSON text of its request, valid in the API's form.
        document: The number of its document in the file, from 1.
        valid_for: Seconds in which it may be sent; None: the operator's setting.
    """
    request = json.loads(body)
    content = request.get("job_content") or {}
    task = json.loads(content.get("task_data") or "{}")
    mappings = list(_mappings((), task))
    return Demand(
        document=document,
        kind=request["job_type"],
        targets=(*_targets(content), *_targets_of_task(task)),
        tags=frozenset(tag["key"] for tag in request.get("tags", [])),
        valid_for=valid_for,
        images=tuple(_named(mappings, "imageurl", "image")),
        privileged=tuple(_asking(mappings, "privileged")),
        host_network=tuple(_asking(mappings, "hostnetwork")),
        host_pid=tuple(_asking(mappings, "hostpid", "hostipc")),
        host_paths=tuple(_host_paths(mappings)),
        root=tuple(_as_root(mappings)),
        secrets=tuple(_references(mappings, "secret")),
        configmaps=tuple(_references(mappings, "configmap")),
    )


def _targets(content: dict[str, Json]) -> Iterator[tuple[str, str]]:
    listed = content.get("targets")
    for target in listed if isinstance(listed, list) else ():
        if isinstance(target, dict):
            yield str(content.get("target_type") or ""), str(target.get("target_id"))


def _targets_of_task(task: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in task.items():
        if _plain(name) == "nodeids":
            for one in value if isinstance(value, list) else [value]:
                yield "node", str(one)
        elif _plain(name) == "groupid" and value not in _OFF:
            yield "node_group", str(value)


def _mappings(path: Path, value: Json) -> Iterator[Mapping]:
    """Yield every mapping in a value with its path, outermost first."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from _mappings((*path, name), inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _mappings((*path, place), inner)


def _asking(mappings: list[Mapping], *names: str) -> Iterator[str]:
    """Yield the path of each field with one of some names that is not off."""
    for path, mapping in mappings:
        for name, value in mapping.items():
            if _plain(name) in names and value not in _OFF:
                yield path_text((*path, name))


def _named(mappings: list[Mapping], *names: str) -> Iterator[tuple[str, str]]:
    for path, mapping in mappings:
        for name, value in mapping.items():
            if _plain(name) in names and not isinstance(value, dict | list):
                yield path_text((*path, name)), str(value)


def _host_paths(mappings: list[Mapping]) -> Iterator[tuple[str, str]]:
    """Yield mounted folders: a volume of the type, or a field of that name as Kubernetes has it."""
    for path, mapping in mappings:
        fields = {_plain(name): value for name, value in mapping.items()}
        if _plain(fields.get("type")) == "hostpath":
            yield path_text(path), _normalised(fields.get("source"))
        if "hostpath" in fields:
            inner = fields["hostpath"]
            yield (
                path_text(path),
                _normalised(inner.get("path") if isinstance(inner, dict) else inner),
            )


def _normalised(value: Json) -> str:
    text = value if isinstance(value, str) else ""
    return posixpath.normpath("/" + text.lstrip("/")) if text.startswith("/") else ""


def _as_root(mappings: list[Mapping]) -> Iterator[str]:
    """Yield containers that name no other user than root; an image's own user is not known."""
    for path, mapping in mappings:
        fields = {_plain(name): value for name, value in mapping.items()}
        if "imageurl" in fields or "image" in fields:
            user = fields.get("runasuser")
            if not isinstance(user, int) or user <= 0:
                yield path_text(path)


def _references(mappings: list[Mapping], kind: str) -> Iterator[tuple[str, str]]:
    """Yield the names of secrets or configmaps: of volumes, and of environment variables."""
    for path, mapping in mappings:
        fields = {_plain(name): value for name, value in mapping.items()}
        if _plain(fields.get("type")) == kind:
            yield path_text(path), str(fields.get("source") or "")
        inner = fields.get(kind)
        if isinstance(inner, dict):
            names = {_plain(name): value for name, value in inner.items()}
            yield path_text(path), str(names.get("name") or names.get("secretname") or "")


def _plain(name: object) -> str:
    """Return a name as the most tolerant reader compares it."""
    return str(name).lower().replace("_", "").replace("-", "")
