"""The targets of a job, for both forms of a spec: their types, and what fits together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from handler.parsing.validation_errors import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing import Path
    from handler.values.canonical_json import Json

JobType: TypeAlias = Literal["node_upgrade", "deployment_deploy", "deployment_upgrade"]
TargetType: TypeAlias = Literal["node", "node_group", "deployment"]

_LIKELY_TARGETS = {
    "node_upgrade": ("node",),
    "deployment_deploy": ("node", "node_group"),
    "deployment_upgrade": ("deployment",),
}


def type_warnings(job_type: str, target_type: str, path: Path) -> list[Issue]:
    """Return a remark if a job of this type hardly works on targets of that one."""
    likely = _LIKELY_TARGETS[job_type]
    if target_type in likely:
        return []
    text = f"{job_type} probably needs {' or '.join(likely)}; the API's pages do not say"
    return [Issue(path, text)]


def repeated_target_errors(ids: list[Json], path: Path) -> Iterator[Issue]:
    """Yield a remark for each target that a list names again; what is no id is left to others."""
    seen: set[str] = set()
    for place, one in enumerate(ids):
        if not isinstance(one, str):
            continue
        if one in seen:
            yield Issue((*path, place), "the same target stands here before; name it once")
        seen.add(one)
