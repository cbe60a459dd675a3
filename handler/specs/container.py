"""A container of a deployment: every field of the API's page, with its type and certain rules.

A field that the page does not have is sent unchanged, with a warning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from handler.specs.field_types import (
    OPEN,
    AnyLine,
    AnyText,
    ContainerName,
    EnvName,
    Image,
    Line,
    Text,
    TextRule,
    VolumeName,
    omitted,
    rule_error,
)

MAX_COMMAND_LENGTH = 65_536
"""Characters that the arguments, and the command, of a container may have together."""

Quantity = Annotated[
    str, TextRule(0, r"[0-9]+(?:\.[0-9]+)?", "must be a plain number in quotes, without a unit")
]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
_ENV_SOURCES = ("value", "value_from", "field_path")


def _short_enough(words: list[str]) -> list[str]:
    size = sum(map(len, words))
    if size > MAX_COMMAND_LENGTH:
        raise rule_error(f"{size} characters together, the API allows {MAX_COMMAND_LENGTH}")
    return words


def _each_name_once(envs: list[Env]) -> list[Env]:
    if len({env.name for env in envs}) < len(envs):
        raise rule_error("has a variable twice; keep one")
    return envs


Words = Annotated[list[AnyText], AfterValidator(_short_enough)]


class Resources(BaseModel):
    """Amounts as text: cpu in cores, memory and gpu in MB."""

    model_config = OPEN

    limits: dict[str, Quantity] = Field(default_factory=omitted, description="At most so much.")
    requests: dict[str, Quantity] = Field(default_factory=omitted, description="At least so much.")


class KeyOf(BaseModel):
    """One entry of a secret or a configuration item."""

    model_config = OPEN

    name: AnyLine = Field(default="", description="The name of the secret or configuration item.")
    key: AnyLine = Field(default="", description="Which entry of it.")


class ValueFrom(BaseModel):
    """Where the value of an environment variable comes from."""

    model_config = OPEN

    secret: KeyOf = Field(default_factory=omitted, description="An entry of a secret.")
    configmap: KeyOf = Field(
        default_factory=omitted, description="An entry of a configuration item."
    )


class Env(BaseModel):
    """One environment variable."""

    model_config = OPEN

    name: EnvName = Field(description="The variable's name.")
    value: Annotated[AnyText, TextRule(20_480, least=0)] = Field(
        default="", description="Its value; numbers go in quotes."
    )
    value_from: ValueFrom = Field(
        default_factory=omitted, description="The secret or configuration item that holds it."
    )
    field_path: Text = Field(default="", description="Only status.hostIP: the node's address.")

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, value: Any) -> Any:  # noqa: ANN401 - raw input
        if isinstance(value, dict) and sum(source in value for source in _ENV_SOURCES) != 1:
            raise rule_error(f"needs exactly one of {', '.join(_ENV_SOURCES)}")
        return value


class PortRange(BaseModel):
    """A range of ports of the node."""

    model_config = OPEN

    min_port: Port = Field(description="The first port.")
    max_port: Port = Field(description="The last port.")


class ContainerPort(BaseModel):
    """One port of a container."""

    model_config = OPEN

    container_port: Port = Field(description="The port inside the container.")
    host_port: int = Field(default=0, ge=0, le=65535, description="The port of the node.")
    host_ip: AnyLine = Field(default="", description="The address of the node's interface.")
    host_port_range: PortRange = Field(
        default_factory=omitted, description="Ports of the node, one of which is taken."
    )


class Volume(BaseModel):
    """One volume of a container."""

    model_config = OPEN

    name: VolumeName = Field(description="The volume's name.")
    type: Literal["configMap", "secret", "emptyDir", "hostPath"] = Field(description="Its type.")
    source: AnyLine = Field(description="Where it comes from.")
    destination: Line = Field(description="Where it is mounted.")
    read_only: bool = Field(default=False, description="Whether it can only be read.")
    default_mode: int = Field(default=420, ge=0, description="Access rights, as a decimal number.")


class Execution(BaseModel):
    """A command that probes a container."""

    model_config = OPEN

    command: Annotated[AnyText, TextRule(10_240)] = Field(description="The command.")


class HttpGet(BaseModel):
    """A request that probes a container."""

    model_config = OPEN

    path: AnyLine = Field(default="/", description="The path, from its first slash.")
    port: Port = Field(description="The port.")
    host: AnyLine = Field(default="", description="The host; the container's address if left out.")
    scheme: AnyLine = Field(default="HTTP", description="HTTP or HTTPS.")


class Probe(BaseModel):
    """How a container is probed."""

    model_config = OPEN

    exec: Execution = Field(default_factory=omitted, description="A command that must succeed.")
    http_get: HttpGet = Field(default_factory=omitted, description="A request that must succeed.")
    initial_delay_seconds: Seconds = Field(default=10, description="Seconds before the first.")
    timeout_seconds: Seconds = Field(default=1, description="Seconds that one may take.")


class Container(BaseModel):
    """One container of a deployment."""

    model_config = OPEN

    name: ContainerName = Field(description="The container's name.")
    image_url: Image = Field(description="The image's reference.")
    version: AnyLine = Field(default="", description="The image's version; in quotes if a number.")
    args: Words = Field(default_factory=omitted, description="Arguments; numbers go in quotes.")
    command: Words = Field(
        default_factory=omitted, description="The command; numbers go in quotes."
    )
    resources: Resources = Field(default_factory=omitted, description="What it may use.")
    envs: Annotated[list[Env], AfterValidator(_each_name_once)] = Field(
        default_factory=omitted, description="Environment variables."
    )
    ports: list[ContainerPort] = Field(default_factory=omitted, description="Open ports.")
    privileged: bool = Field(default=False, description="Whether it may do what the node may.")
    run_as_user: int = Field(default=0, ge=0, le=65534, description="The user's number.")
    readiness_probe: Probe = Field(default_factory=omitted, description="When it is ready.")
    liveness_probe: Probe = Field(default_factory=omitted, description="Whether it still works.")
    volumes: list[Volume] = Field(default_factory=omitted, description="Mounted volumes.")
    npu_type: AnyLine = Field(default="", description="D310, D310B or empty.")
