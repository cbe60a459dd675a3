"""The short form of a job spec: what a person writes, turned into the API's request body."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from handler.parsing.validation_errors import Issue, validation_issues, with_path_prefix
from handler.specs.field_types import (
    NAME_SUFFIX_LENGTH,
    STRICT,
    Duration,
    Id,
    NodeName,
    Note,
    ShortName,
    TagKey,
    TagValue,
    omitted,
    rule_error,
)
from handler.specs.targets import (
    JobType,
    is_rollout,
    repeated_target_errors,
    target_of,
    type_warnings,
)
from handler.values.duration import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.values.canonical_json import Json

_TARGET_TYPES = {"nodes": "node", "groups": "node_group", "deployments": "deployment"}
_ONE_OF_THEM = "needs exactly one of nodes, groups, deployments, select"
_LONGEST_SERIAL = 64


def _target(value: Any) -> Any:  # noqa: ANN401 - raw input
    if isinstance(value, str):
        return {"id": value}
    if not isinstance(value, dict):
        raise rule_error("must be an id in quotes, or a mapping of id and name")
    return value


def _serial(value: Any) -> Any:  # noqa: ANN401 - raw input
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise rule_error("must be text or a whole number")
    if isinstance(value, str) and len(value) > _LONGEST_SERIAL:
        raise rule_error(f"{len(value)} characters, at most {_LONGEST_SERIAL} are taken")
    return value


def _or_an_id(schema: dict[str, Any]) -> None:
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [{**whole["properties"]["id"], "description": "Its id."}, whole]


class Target(BaseModel):
    """One target: its id, or its id and a name for the people who read the job."""

    model_config = ConfigDict(**STRICT, json_schema_extra=_or_an_id)

    id: Id = Field(description="The id of the node, node group or deployment.")
    name: NodeName = Field(default="", description="Its name; a node's is sent along.")


_SELECT = "Which nodes, or deployments; it makes a rollout."
TargetList = list[Annotated[Target, BeforeValidator(_target)]]


class Targets(BaseModel):
    """What the job works on: exactly one of the four, with at least one entry."""

    model_config = ConfigDict(**STRICT, json_schema_extra={"minProperties": 1, "maxProperties": 1})

    nodes: TargetList = Field(default_factory=omitted, min_length=1, description="Edge nodes.")
    groups: TargetList = Field(
        default_factory=omitted, min_length=1, description="Node groups (enterprise edition)."
    )
    deployments: TargetList = Field(
        default_factory=omitted, min_length=1, description="Deployments, for deployment_upgrade."
    )
    select: dict[str, Any] = Field(default_factory=omitted, description=_SELECT)


_DEPLOYMENT = "What runs there; only for deployment jobs, which need it."
_ROLLOUT = "How the nodes have their turn, in waves."
_WINDOW = "When waves may run; it makes a rollout."


class Job(BaseModel):
    """A job in the short form."""

    model_config = STRICT

    kind: JobType = Field(description="What the job does.")
    name: ShortName = Field(
        description="The job's name; a hyphen and 8 characters of the job's key are added to it."
    )
    description: Note = Field(default="", description="For people; the mark is put before it.")
    targets: Targets = Field(description="What the job works on.")
    deployment: dict[str, Any] = Field(default_factory=omitted, description=_DEPLOYMENT)
    tags: dict[TagKey, TagValue] = Field(default_factory=omitted, description="Labels of the job.")
    serial: Annotated[str | int, BeforeValidator(_serial)] = Field(
        default_factory=str,
        description="Change it to order the same thing again; it goes nowhere else.",
    )
    valid_for: Duration = Field(
        default_factory=str,
        description="How long after its delivery the job may be sent: 90m, 6h, 2d.",
    )
    rollout: dict[str, Any] = Field(default_factory=omitted, description=_ROLLOUT)
    window: dict[str, Any] = Field(default_factory=omitted, description=_WINDOW)


@cache
def full_model() -> type[BaseModel]:
    """Return `Job` with the models of what is loaded for documents that have it only."""
    from handler.specs.deployment import AnyDeployment
    from handler.specs.rollout_form import RolloutForm, SelectForm, WindowForm

    def field(model: Any, description: str) -> Any:  # noqa: ANN401 - as pydantic has it
        return model, Field(default_factory=omitted, description=description)

    select: Any = field(SelectForm, _SELECT)
    targets = create_model("Targets", __base__=Targets, __doc__=Targets.__doc__, select=select)
    fields: dict[str, Any] = {
        "targets": (targets, Field(description="What the job works on.")),
        "deployment": field(AnyDeployment, _DEPLOYMENT),
        "rollout": field(RolloutForm, _ROLLOUT),
        "window": field(WindowForm, _WINDOW),
    }
    return create_model("Job", __base__=Job, __doc__=Job.__doc__, **fields)


def job_errors(job: dict[str, Json]) -> list[Issue]:
    """Return everything wrong with a document in the short form."""
    rollout = is_rollout(job)
    model = full_model() if rollout or "deployment" in job else Job
    issues = [*validation_issues(model, job), *_target_errors(job)]
    if rollout:
        from handler.specs.rollout_form import rollout_errors

        issues += rollout_errors(job)
    return [*issues, *_deployment_errors(job)]


def job_warnings(job: dict[str, Json]) -> list[Issue]:
    """Return what the API's pages do not settle about a valid document in the short form."""
    field, _ = _targets(job)
    issues = type_warnings(str(job["kind"]), _TARGET_TYPES[field], ("targets", field))
    if is_rollout(job):
        from handler.specs.rollout_form import rollout_warnings

        issues += rollout_warnings(job)
    deployment = job.get("deployment")
    if isinstance(deployment, dict):
        from handler.specs.deployment import deployment_warnings

        issues += with_path_prefix(("deployment",), deployment_warnings(deployment))
    return issues


def build_body(job: dict[str, Json], job_key: str) -> dict[str, Json]:
    """Return the API's request body for a valid document in the short form.

    The first characters of the job's key make the name new each time.
    """
    target_type = _TARGET_TYPES[_targets(job)[0]]
    content: dict[str, Json] = {
        "target_type": target_type,
        "targets": [target_of(one, name, target_type) for one, name in named_targets(job)],
    }
    deployment = job.get("deployment")
    if isinstance(deployment, dict):
        from handler.specs.deployment import build_task_data

        content["task_data"] = build_task_data(deployment, str(job["kind"]), str(job["name"]))
    body: dict[str, Json] = {
        "job_name": f"{job['name']}-{job_key[:NAME_SUFFIX_LENGTH]}",
        "job_type": job["kind"],
        "job_content": content,
        "description": job.get("description", ""),
    }
    tags = job.get("tags")
    if isinstance(tags, dict) and tags:
        body["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
    return body


def valid_for_seconds(job: dict[str, Json]) -> int | None:
    """Return the seconds a valid document's job stays valid, or None where it does not say."""
    return seconds_of(str(job["valid_for"])) if "valid_for" in job else None


def named_targets(job: dict[str, Json]) -> tuple[tuple[str, str], ...]:
    """Return the id and the name, or "", of each target that a valid document names."""
    return tuple((str(one["id"]), str(one.get("name", ""))) for one in _targets(job)[1])


def _targets(job: dict[str, Json]) -> tuple[str, list[dict[str, Json]]]:
    """Return the field that names the targets, and each as a mapping with its id.

    What is selected is nodes, or else deployments.
    """
    targets = job["targets"]
    field, entries = next(iter(targets.items())) if isinstance(targets, dict) else ("nodes", [])
    if field == "select":
        field = "deployments" if job["kind"] == "deployment_upgrade" else "nodes"
    listed = entries if isinstance(entries, list) else []
    return field, [entry if isinstance(entry, dict) else {"id": entry} for entry in listed]


def _target_errors(job: dict[str, Json]) -> Iterator[Issue]:
    targets = job.get("targets")
    if not isinstance(targets, dict):
        return
    if len(targets.keys() & {*_TARGET_TYPES, "select"}) != 1:
        yield Issue(("targets",), _ONE_OF_THEM)
    for field in _TARGET_TYPES:
        entries = targets.get(field)
        listed = entries if isinstance(entries, list) else []
        ids = [entry.get("id") if isinstance(entry, dict) else entry for entry in listed]
        yield from repeated_target_errors(ids, ("targets", field))


def _deployment_errors(job: dict[str, Json]) -> Iterator[Issue]:
    kind = job.get("kind")
    has_it = "deployment" in job
    if kind == "node_upgrade" and has_it:
        yield Issue(("deployment",), "does not belong to node_upgrade; leave it out")
    if kind in ("deployment_deploy", "deployment_upgrade") and not has_it:
        yield Issue(("deployment",), f"missing; {kind} needs it")
    deployment = job.get("deployment")
    if not isinstance(deployment, dict):
        return
    from handler.specs.deployment import affinity_errors, replicas_errors

    yield from with_path_prefix(("deployment",), affinity_errors(deployment))
    if kind == "deployment_deploy":
        yield from with_path_prefix(("deployment",), replicas_errors(deployment))
