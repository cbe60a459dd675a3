"""The policy: rules that are tried from the top, each for a source, with what it allows.

The first rule whose source fits decides; a delivery that fits none is refused. A rule that leaves
a field out allows what the built-in policy allows there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from handler.errors import PolicyError, SpecRejectedError
from handler.parsing import Limits, read
from handler.parsing.validation_errors import problem_of, remarks_of
from handler.specs.api_form import JobType
from handler.specs.duration_field import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES = 262_144
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Count: TypeAlias = Annotated[int, Field(ge=1)]


class Source(BaseModel):
    """Where a delivery comes from; every field that is given must fit."""

    model_config = _STRICT

    prefix: Text | None = Field(default=None, description="What the object's key begins with.")
    account: Text | None = Field(default=None, description="The uploader's account.")
    principal: Text | None = Field(default=None, description="The uploader's principal.")
    timer: Text | None = Field(
        default=None, description="The timer's name; `*` stands for any characters."
    )
    direct: Literal[True] | None = Field(
        default=None, description="A spec that is handed to the function directly."
    )


class Rule(BaseModel):
    """What one source may ask for."""

    model_config = _STRICT

    source: Source = Field(
        default_factory=Source, alias="from", description="Who it is for; left out: everyone."
    )
    kinds: list[JobType] | None = Field(default=None, description="The kinds of jobs; all.")
    nodes: list[Text] | None = Field(default=None, description="Ids of nodes; any.")
    groups: list[Text] | None = Field(default=None, description="Ids of node groups; any.")
    deployments: list[Text] | None = Field(default=None, description="Ids of deployments; any.")
    targets_per_job: Count | None = Field(default=None, description="At most so many; any number.")
    jobs_per_file: Count = Field(default=200, description="At most so many; 200.")
    images: list[Text] | None = Field(
        default=None,
        description="Registries or repositories, such as registry.example.com/team; any.",
    )
    image_digest: bool = Field(
        default=False, description="Whether each image needs a digest (`@sha256:…`); false."
    )
    privileged: bool = Field(default=False, description="Privileged containers; false.")
    host_network: bool = Field(default=False, description="The node's network; false.")
    host_pid: bool = Field(default=False, description="The node's processes and IPC; false.")
    host_paths: list[Text] = Field(
        default_factory=list, description="Folders of the node, with what is in them; none."
    )
    run_as_root: bool = Field(
        default=True, description="Containers without a `run_as_user` above 0; true."
    )
    secrets: list[Text] | None = Field(default=None, description="Names of secrets; any.")
    configmaps: list[Text] | None = Field(default=None, description="Names of configmaps; any.")
    valid_for: Duration | None = Field(
        default=None, description="The longest `valid_for`; NIGHTDROP_VALID_FOR."
    )
    tags: list[Text] = Field(
        default_factory=list, description="Keys of tags that each job needs; none."
    )


class Policy(BaseModel):
    """An operator's policy."""

    model_config = _STRICT

    rules: list[Rule] = Field(min_length=1, description="Tried from the top; the first decides.")


BUILT_IN = Policy(rules=[Rule()])
"""Applies without a policy file: everything the API allows, but neither privileged containers nor
the node's namespaces and folders, and at most 200 jobs in a file."""


def read_policy(data: bytes) -> Policy:
    """Return the policy that a YAML or JSON file holds.

    Raises:
        PolicyError: The file is no policy; each error names its line.
    """
    try:
        documents = read(data, Limits(max_bytes=_MOST_BYTES))
    except SpecRejectedError as error:
        raise PolicyError(f"the policy cannot be read: {error}") from None
    if len(documents) > 1:
        raise PolicyError("the policy must be one document")
    [document] = documents
    issues = remarks_of(Policy, document.value)
    if issues:
        problems = (problem_of(issue, document) for issue in issues)
        raise PolicyError("the policy is not valid: " + "; ".join(map(str, problems)))
    return Policy.model_validate(document.value)


def policy_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a policy file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nightdrop policy",
        **Policy.model_json_schema(by_alias=True),
    }
