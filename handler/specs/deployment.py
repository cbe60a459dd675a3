"""A deployment as the short form takes it, checked where the API's rules are certain.

The types and rules are those of the create-deployment body. A field that its page does not have
is sent unchanged, with a warning.
"""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag

from handler.parsing import MAX_PROBLEMS
from handler.parsing.validation_errors import (
    Issue,
    unknown_fields,
    validation_issues,
    with_path_prefix,
)
from handler.specs.container import Container
from handler.specs.field_types import OPEN, AnyLine, AnyText, Id, TagKey, TagValue, omitted

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

    from handler.parsing import Path
    from handler.values.canonical_json import Json


class Annotations(BaseModel):
    """Notes that the platform reads."""

    model_config = OPEN

    ring_controller: AnyLine = Field(default="", description="Only ascend-1980.")
    autonomy_edge_selector: AnyLine = Field(default="", description="The id of a node group.")


class Configs(BaseModel):
    """How the containers run."""

    model_config = OPEN

    restart_policy: Literal["Always", "OnFailure", "Never"] = Field(description="When to restart.")
    host_network: bool = Field(default=False, description="Whether to use the node's network.")
    host_pid: bool = Field(default=False, description="Whether to see the node's processes.")
    migration: bool = Field(default=False, description="Whether to move away from a broken node.")
    toleration_seconds: int = Field(default=300, ge=0, description="Seconds before it moves.")
    dns_policy: AnyLine = Field(
        default="", description="Default, ClusterFirst or ClusterFirstWithHostNet."
    )


class _AffinitySchema:
    """Describes the affinity in the JSON Schema; `affinity_errors` checks it, if there is one."""

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        from handler.specs.affinity import Affinity

        Affinity.model_rebuild()
        return handler(Affinity.__pydantic_core_schema__)


class Template(BaseModel):
    """What runs on each target."""

    model_config = OPEN

    configs: Configs = Field(description="How the containers run.")
    containers: list[Container] = Field(min_length=1, description="What runs.")
    init_containers: list[Container] = Field(
        default_factory=omitted, description="What runs before."
    )
    affinity: Annotated[dict[str, Any], _AffinitySchema()] = Field(
        default_factory=omitted, description="Where it may run."
    )


class Deployment(BaseModel):
    """A deployment, as the API's create-deployment body has it."""

    model_config = OPEN

    replicas: int = Field(
        default=1,
        ge=1,
        le=99,
        description="How many, needed to deploy; the professional edition allows 1 only.",
    )
    template: Template = Field(description="What runs on each target.")
    annotations: Annotations = Field(default_factory=omitted, description="For the platform.")


class Label(BaseModel):
    """A label of a deployment."""

    model_config = OPEN

    key: TagKey = Field(description="1 to 128 letters, digits, underscores and hyphens.")
    value: TagValue = Field(description="1 to 256 characters.")


class Envelope(BaseModel):
    """A deployment inside the envelope that task_data holds, sent unchanged."""

    model_config = OPEN

    deployment: Deployment = Field(description="The deployment.")
    name: AnyLine = Field(default="", description="The deployment's name.")
    name_prex: AnyLine = Field(default="", description="What the deployments' names begin with.")
    description: AnyText = Field(default="", description="For people.")
    source: AnyLine = Field(default="", description="userdefined or iem.")
    node_ids: list[Id] = Field(default_factory=omitted, description="The node.")
    group_id: AnyLine = Field(default="", description="The node group.")
    tags: list[Label] = Field(default_factory=omitted, description="Labels of the deployment.")


def _form_of(value: object) -> str:
    """Return the tag of a value's form: an envelope has a deployment inside."""
    return "<envelope>" if isinstance(value, dict) and "deployment" in value else "<deployment>"


# Unlike the keys of a document, so that a tag is never taken for a step of a path.
AnyDeployment: TypeAlias = Annotated[
    Annotated[Deployment, Tag("<deployment>")] | Annotated[Envelope, Tag("<envelope>")],
    Discriminator(_form_of),
]


def envelope_errors(envelope: dict[str, Json]) -> list[Issue]:
    """Return everything wrong with an envelope in a task_data."""
    return [*validation_issues(Envelope, envelope), *affinity_errors(envelope)]


def affinity_errors(deployment: dict[str, Json]) -> list[Issue]:
    """Return everything wrong with the affinity of a deployment, bare or in its envelope."""
    path, affinity = _affinity(deployment)
    if not isinstance(affinity, dict):
        return []
    from handler.specs.affinity import Affinity

    return with_path_prefix(path, validation_issues(Affinity, affinity))


def _affinity(deployment: dict[str, Json]) -> tuple[Path, Json]:
    """Return the path and the value of the affinity; None if there is none."""
    steps = ("deployment",) if "deployment" in deployment else ()
    path: Path = (*steps, "template", "affinity")
    value: Json = deployment
    for step in path:
        value = value.get(str(step)) if isinstance(value, dict) else None
    return path, value


def deployment_warnings(deployment: dict[str, Json]) -> list[Issue]:
    """Return a warning for each field of a valid deployment that the API's page does not have."""
    model = Envelope if "deployment" in deployment else Deployment
    found = unknown_fields(model, deployment)
    path, affinity = _affinity(deployment)
    if affinity is not None:
        from handler.specs.affinity import Affinity

        found = chain(found, unknown_fields(Affinity, affinity, path))
    return list(islice(found, MAX_PROBLEMS + 1))


def replicas_errors(deployment: dict[str, Json]) -> list[Issue]:
    """Return an error if a deployment, with or without its envelope, has no `replicas`.

    Only the table of the update call has no `replicas`, so an upgrade may omit it.
    """
    inner = deployment.get("deployment", deployment)
    path: Path = ("deployment", "replicas") if "deployment" in deployment else ("replicas",)
    if isinstance(inner, dict) and "replicas" not in inner:
        return [Issue(path, "missing")]
    return []


def build_task_data(deployment: dict[str, Json], job_type: str, name: str) -> str:
    """Return the text that `task_data` holds for a deployment.

    The API's prose wants the deployment alone, its example the envelope with the name as
    `name_prex`; the example is followed. For an upgrade, which has no example, the envelope is
    the body of the API's update call.

    Args:
        deployment: A valid deployment, or a whole envelope, which is sent unchanged.
        job_type: `deployment_deploy` or `deployment_upgrade`.
        name: What the deployments' names will begin with.
    """
    envelope: dict[str, Json] = {"deployment": deployment, "description": ""}
    if "deployment" in deployment:
        envelope = deployment
    elif job_type == "deployment_deploy":
        envelope = {
            "deployment": deployment,
            "source": "userdefined",
            "name_prex": name,
            "tags": [],
            "description": "",
        }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
