"""The policy file: rules in YAML, for an operator to write; checked, with line numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from handler.errors import PolicyError, SpecRejectedError
from handler.parsing import Limits, read
from handler.parsing.validation_errors import to_problem, validation_issues
from handler.policy.rules import Policy, Rule, Source
from handler.policy.verdict import MOST_JOBS
from handler.specs.field_types import Duration, Line, TextRule, rule_error
from handler.specs.targets import JobType
from handler.values.canonical_json import key_of, sha256_hex, short_key
from handler.values.duration import seconds_of
from handler.values.object_names import checked_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
_NOT_VALID = "the policy is not valid"

Count: TypeAlias = Annotated[int, Field(ge=1)]


def _repository(text: str) -> str:
    """Return a registry or repository as images are compared with it."""
    return text.lower().rstrip("/")


def _prefix(text: str) -> str:
    try:
        return checked_prefix(text)
    except ValueError as error:
        raise rule_error(str(error)) from None


TargetTag: TypeAlias = Annotated[
    Line, TextRule(0, r"[^=]+=.+", "must be a key and a value: key=value")
]
Prefix: TypeAlias = Annotated[Line, AfterValidator(_prefix)]
Repository: TypeAlias = Annotated[Line, AfterValidator(_repository)]


class SourceForm(BaseModel):
    """Where a delivery comes from; every field that is given must match."""

    model_config = _STRICT

    prefix: Prefix | None = Field(default=None, description="What the object's key begins with.")
    bucket: Line | None = Field(default=None, description="The object's bucket.")
    account: Line | None = Field(default=None, description="The uploader's account.")
    principal: Line | None = Field(default=None, description="The uploader's principal.")
    timer: Line | None = Field(
        default=None, description="The timer's name; `*` stands for any characters."
    )
    direct: Literal[True] | None = Field(
        default=None, description="A spec that is handed to the function directly."
    )


class ApproverForm(BaseModel):
    """Who may approve; every field that is given must match. It is never the uploader."""

    model_config = _STRICT

    prefix: Line | None = Field(
        default=None, description="What the key of the file `NAME.approve` begins with."
    )
    bucket: Line | None = Field(default=None, description="The bucket of that file.")
    account: Line | None = Field(default=None, description="The account that wrote that file.")
    principal: Line | None = Field(default=None, description="The principal that wrote that file.")


class RuleForm(BaseModel):
    """What one source may ask for; a field that is left out has the built-in policy's value."""

    model_config = _STRICT

    source: SourceForm = Field(
        default_factory=SourceForm, alias="from", description="Who it is for; left out: everyone."
    )
    kinds: list[JobType] | None = Field(default=None, description="Kinds of jobs; default all.")
    nodes: list[Line] | None = Field(default=None, description="Ids of nodes; default any.")
    node_names: list[Line] | None = Field(
        default=None,
        description="Names of nodes that are allowed beside `nodes`; `*` stands for any "
        "characters. A spec must then write names, which are looked up. Default any.",
    )
    groups: list[Line] | None = Field(default=None, description="Ids of node groups; default any.")
    deployments: list[Line] | None = Field(
        default=None, description="Ids of deployments; default any."
    )
    targets_per_job: Count | None = Field(
        default=None, description="The most targets of a job; default any number."
    )
    target_tags: list[TargetTag] = Field(
        default_factory=list,
        description="Tags as key=value that all targets have: a spec must select by them, and "
        "can name no targets. Default none.",
    )
    jobs_per_file: Count = Field(
        default=MOST_JOBS,
        description="The most jobs of a file; a rollout counts as those that it runs at once; "
        "default 200.",
    )
    jobs_per_day: Count | None = Field(
        default=None,
        description="The most jobs that this rule's `from` may ask for in any 24 hours, all those "
        "of its rollouts included; default any number.",
    )
    images: list[Repository] | None = Field(
        default=None,
        description="Registries or repositories, such as registry.example.com/team; default any.",
    )
    image_digest: bool = Field(
        default=False, description="Whether each image needs a digest (`@sha256:…`); default false."
    )
    privileged: bool = Field(
        default=False,
        description="Privileged containers, capabilities, devices, sysctls; default false.",
    )
    host_network: bool = Field(default=False, description="The node's network; default false.")
    host_pid: bool = Field(
        default=False, description="The node's processes and IPC; default false."
    )
    host_paths: list[Line] = Field(
        default_factory=list, description="Folders of the node, and all below them; default none."
    )
    run_as_root: bool = Field(
        default=True, description="Containers without a `run_as_user` above 0; default true."
    )
    secrets: list[Line] | None = Field(default=None, description="Names of secrets; default any.")
    configmaps: list[Line] | None = Field(
        default=None, description="Names of configmaps; default any."
    )
    valid_for: Duration | None = Field(
        default=None, description="The longest `valid_for`; default NIGHTDROP_VALID_FOR."
    )
    tags: list[Line] = Field(
        default_factory=list, description="Keys of tags that each job needs; default none."
    )
    source_changed: bool = Field(
        default=False,
        description="Objects that were written again after their event, by an unknown uploader; "
        "default false: each runs for an event of its own.",
    )

    approval: Literal["required"] | None = Field(
        default=None,
        description="`required`: nothing runs until someone other than the uploader approves its "
        "SHA-256, in a file `NAME.approve` or with `nightdrop approve`; default no one needs to.",
    )
    approver: ApproverForm = Field(
        default_factory=ApproverForm,
        description="Who may write `NAME.approve`; default anyone but the uploader. To name one "
        "is to require an approval.",
    )

    def to_rule(self) -> Rule:
        """Return the rule as plain values."""
        values: dict[str, Any] = {
            name: dict.fromkeys(value) or () if isinstance(value, list) else value
            for name, value in self.model_dump(exclude={"source", "valid_for", "approver"}).items()
        }
        if "approver" in self.model_fields_set:
            values["approval"] = "required"
        source = Source(**self.source.model_dump())
        return Rule(
            source=source,
            source_key=short_key(key_of(list(source))),
            approver=Source(**self.approver.model_dump()),
            valid_for=seconds_of(self.valid_for) if self.valid_for else None,
            **values,
        )


class PolicyForm(BaseModel):
    """An operator's policy."""

    model_config = _STRICT

    rules: list[RuleForm] = Field(
        min_length=1, description="Tried from the top; the first whose `from` matches decides."
    )


@lru_cache(maxsize=1)  # an instance reads the same file for each plan
def read_policy(data: bytes) -> Policy:
    """Return the policy that a YAML or JSON file holds.

    Raises:
        PolicyError: It is not a policy; each line of the message but the first is an error.
    """
    try:
        documents = read(data, Limits())
    except SpecRejectedError as error:
        raise PolicyError(f"{_NOT_VALID}\n{error}") from None
    if len(documents) > 1:
        raise PolicyError(f"{_NOT_VALID}\nit must be one document")
    [document] = documents
    issues = validation_issues(PolicyForm, document.value)
    if issues:
        problems = sorted(
            (to_problem(issue, document) for issue in issues), key=lambda one: one.line or 0
        )
        raise PolicyError("\n".join([_NOT_VALID, *map(str, problems)]))
    form = PolicyForm.model_validate(document.value)
    return Policy(tuple(rule.to_rule() for rule in form.rules), sha256_hex(data))


def policy_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a policy file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **PolicyForm.model_json_schema(by_alias=True),
        "title": "Nightdrop policy",
    }
