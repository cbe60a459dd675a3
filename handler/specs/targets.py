"""The targets of a job, for both forms of a spec: their types, and what fits together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.parsing.validation_errors import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.parsing import Path
    from handler.values.canonical_json import Json

JobType: TypeAlias = Literal["node_upgrade", "deployment_deploy", "deployment_upgrade"]
TargetType: TypeAlias = Literal["node", "node_group", "deployment"]

_NODE_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}"

_LIKELY_TARGETS = {
    "node_upgrade": ("node",),
    "deployment_deploy": ("node", "node_group"),
    "deployment_upgrade": ("deployment",),
}


def is_rollout(spec: Mapping[str, Json]) -> bool:
    """Return whether a document in the short form asks for a rollout, and not for one job."""
    return selects(spec) or "rollout" in spec or "window" in spec


def selects(spec: Mapping[str, Json]) -> bool:
    """Return whether a document selects its nodes."""
    targets = spec.get("targets")
    return isinstance(targets, dict) and "select" in targets


def type_warnings(job_type: str, target_type: str, path: Path) -> list[Issue]:
    """Return a warning if a job of this type probably does not work on targets of that type."""
    likely = _LIKELY_TARGETS[job_type]
    if target_type in likely:
        return []
    text = f"{job_type} probably needs {' or '.join(likely)}; the API's pages do not say"
    return [Issue(path, text)]


def repeated_target_errors(ids: list[Json], path: Path) -> Iterator[Issue]:
    """Yield an error for each id that repeats an earlier one; other values are skipped."""
    seen: set[str] = set()
    for place, one in enumerate(ids):
        if not isinstance(one, str):
            continue
        if one in seen:
            yield Issue((*path, place), "the same target as an earlier one; name it once")
        seen.add(one)


def target_of(target_id: str, name: str, target_type: str) -> dict[str, Json]:
    """Return a target as the API has it; the name of a node is sent along."""
    target: dict[str, Json] = {"target_id": target_id}
    # node_name is the only key the API's page names, and it would be wrong for anything else.
    if name and target_type == "node":
        target["extension_info"] = [{"key": "node_name", "value": name}]
    return target


def is_node_id(text: str) -> bool:
    """Return whether a text has the form of IEF's ids."""
    return bool(re.fullmatch(_NODE_ID, text))
