"""A deployment as the friendly form takes it, checked where the API's rules are certain.

The rules are those of the create-deployment body. Fields that stand here for no rule pass as they
are: the API judges them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from handler.specs.rules import OPEN, AnyText, Text, TextRule, refusal

if TYPE_CHECKING:
    from handler.canonical import Json

Quantity = Annotated[
    str, TextRule(0, r"[0-9]+(?:\.[0-9]+)?", "must be a plain number in quotes, without a unit")
]
_ENV_SOURCES = ("value", "value_from", "field_path")


class Resources(BaseModel):
    """Amounts as text: cpu in cores, memory and gpu in MB."""

    model_config = OPEN

    limits: dict[str, Quantity] = Field(default_factory=dict, description="At most so much.")
    requests: dict[str, Quantity] = Field(default_factory=dict, description="At least so much.")


class Env(BaseModel):
    """One environment variable."""

    model_config = OPEN

    name: Text = Field(description="The variable's name.")
    value: AnyText = Field(default="", description="Its value; numbers go in quotes.")

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:  # noqa: ANN401 - raw input
        if isinstance(value, dict) and sum(source in value for source in _ENV_SOURCES) != 1:
            raise refusal(f"needs exactly one of {', '.join(_ENV_SOURCES)}")
        return value


class ContainerPort(BaseModel):
    """One port of a container."""

    model_config = OPEN

    container_port: int = Field(ge=1, le=65535, description="The port inside the container.")


class Volume(BaseModel):
    """One volume of a container."""

    model_config = OPEN

    name: Annotated[str, TextRule(63)] = Field(description="The volume's name.")
    type: Literal["configMap", "secret", "emptyDir", "hostPath"] = Field(description="Its type.")
    source: str = Field(description="Where it comes from.")
    destination: Text = Field(description="Where it is mounted.")


class Container(BaseModel):
    """One container of a deployment."""

    model_config = OPEN

    name: Annotated[str, TextRule(32)] = Field(description="The container's name.")
    image_url: Text = Field(description="The image's address.")
    resources: Resources = Field(default_factory=Resources, description="What it may use.")
    envs: list[Env] = Field(default_factory=list, description="Environment variables.")
    ports: list[ContainerPort] = Field(default_factory=list, description="Open ports.")
    volumes: list[Volume] = Field(default_factory=list, description="Mounted volumes.")


class Configs(BaseModel):
    """How the containers run."""

    model_config = OPEN

    restart_policy: Literal["Always", "OnFailure", "Never"] = Field(description="When to restart.")


class Template(BaseModel):
    """What runs on each target."""

    model_config = OPEN

    configs: Configs = Field(description="How the containers run.")
    containers: list[Container] = Field(min_length=1, description="What runs.")


class Deployment(BaseModel):
    """A deployment, as the API's create-deployment body has it."""

    model_config = OPEN

    replicas: int = Field(
        ge=1, le=99, description="How many; the professional edition allows 1 only."
    )
    template: Template = Field(description="What runs on each target.")


class Envelope(BaseModel):
    """A deployment inside the envelope that task_data holds, sent as it stands."""

    model_config = OPEN

    deployment: Deployment = Field(description="The deployment.")


def _form_of(value: object) -> str:
    """Tell the two forms apart: the envelope has a deployment inside."""
    return "<envelope>" if isinstance(value, dict) and "deployment" in value else "<deployment>"


# The tags are no names a document's keys are likely to have, so they never pass for a place in it.
AnyDeployment: TypeAlias = Annotated[
    Annotated[Deployment, Tag("<deployment>")] | Annotated[Envelope, Tag("<envelope>")],
    Discriminator(_form_of),
]


def task_data_of(deployment: dict[str, Json], job_type: str, name: str) -> str:
    """Return the text that `task_data` holds for a deployment.

    The API's prose wants the deployment alone, its example the envelope with the name as
    `name_prex`; the example is followed. For an upgrade, where there is none, the envelope is
    the body of the API's update call.

    Args:
        deployment: A valid deployment, or a whole envelope, which is taken as it stands.
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
