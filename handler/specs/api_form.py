"""The API's own request body: CreateBatchJob, as the field table of its page has it.

What the page leaves open (which target type fits which job type, a job without targets) is not
refused but causes a warning; a target that is named twice is refused. The models only validate: a
document is sent unchanged, and a default only says that a field may be left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, Field

from handler.errors import SpecRejectedError
from handler.parsing import Limits, format_path, read
from handler.parsing.validation_errors import Issue, to_problem, validation_issues
from handler.specs.field_types import (
    STRICT,
    AnyLine,
    Id,
    Line,
    Name,
    Note,
    TagKey,
    TagValue,
    omitted,
    rule_error,
)
from handler.specs.targets import JobType, TargetType, repeated_target_errors, type_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.values.canonical_json import Json

_MOST_SHOWN = 3


def _task_data(text: str) -> str:
    """Return the text if it is a JSON object with a `deployment`."""
    if not text.lstrip().startswith("{"):
        raise rule_error("must be the text of a JSON object")
    try:
        # A lone surrogate must reach the reader, which refuses it, and not fail here.
        data = text.encode("utf-8", "surrogatepass")
        documents = read(data, Limits(max_bytes=len(data)))
    except SpecRejectedError as error:
        found = [problem._replace(document=None) for problem in error.problems[:_MOST_SHOWN]]
        inside = "; ".join(map(str, found))
        raise rule_error(f"must be the text of a JSON object; in that text, {inside}") from None
    value = documents[0].value
    if len(documents) > 1 or not isinstance(value, dict):
        raise rule_error("must be the text of one JSON object")
    if not isinstance(value.get("deployment"), dict):
        raise rule_error(
            "its JSON object must have `deployment`, an object with replicas and template"
        )
    from handler.specs.deployment import envelope_errors

    errors = envelope_errors(value)[:_MOST_SHOWN]
    if errors:
        inner = [to_problem(error, documents[0])._replace(document=None) for error in errors]
        raise rule_error("; ".join(f"in its text, {problem}" for problem in inner))
    return text


def _envelope(body: dict[str, Json]) -> dict[str, Json]:
    """Return the JSON object inside a valid body's task_data, {} without one."""
    content = body.get("job_content")
    text = content.get("task_data") if isinstance(content, dict) else None
    envelope: dict[str, Json] = json.loads(text) if isinstance(text, str) else {}
    return envelope


class Extension(BaseModel):
    """One more thing known about a target."""

    model_config = STRICT

    key: Line = Field(description="What it is, such as node_name.")
    value: AnyLine = Field(description="Its value.")


class Target(BaseModel):
    """What the job works on."""

    model_config = STRICT

    target_id: Id = Field(description="The id of the node, node group or deployment.")
    extension_info: list[Extension] = Field(
        default_factory=omitted, description="More about the target."
    )


class JobContent(BaseModel):
    """What the job does, and to what."""

    model_config = STRICT

    target_type: TargetType = Field(default_factory=omitted, description="What the targets are.")
    targets: list[Target] = Field(default_factory=omitted, description="What the job works on.")
    task_data: Annotated[str, AfterValidator(_task_data)] = Field(
        default="", description="The deployment's envelope as JSON text; deployment jobs need it."
    )


class Tag(BaseModel):
    """A label of the job. The API takes tags but never shows them again."""

    model_config = STRICT

    key: TagKey = Field(description="1 to 128 letters, digits, underscores and hyphens.")
    value: TagValue = Field(description="1 to 256 characters.")


class BatchJob(BaseModel):
    """A batch job in the API's own form; sent unchanged, with a mark before its description."""

    model_config = STRICT

    job_name: Name = Field(description="The job's name, sent exactly so.")
    job_type: JobType = Field(description="What the job does.")
    job_content: JobContent = Field(default_factory=omitted, description="What it does to what.")
    description: Note = Field(default="", description="For people; the mark is put before it.")
    tags: list[Tag] = Field(default_factory=omitted, description="Labels of the job.")


def body_errors(body: dict[str, Json]) -> list[Issue]:
    """Return everything wrong with a document in the API's form."""
    errors = [
        *validation_issues(BatchJob, body),
        *_task_data_errors(body),
        *_repeated_targets(body),
    ]
    if not errors and body["job_type"] == "deployment_deploy":
        from handler.specs.deployment import replicas_errors

        return list(_inside_task_data(replicas_errors(_envelope(body))))
    return errors


def body_warnings(body: dict[str, Json]) -> list[Issue]:
    """Return what the API's pages do not settle about a valid document in its form."""
    content = body.get("job_content")
    if not isinstance(content, dict):
        return [Issue(("job_content",), "missing; the API may make a job that does nothing")]
    issues = list(_target_warnings(content))
    target_type = content.get("target_type")
    if target_type is None:
        text = "missing; the API's pages do not say what the default is"
        issues.append(Issue(("job_content", "target_type"), text))
    else:
        path = ("job_content", "target_type")
        issues += type_warnings(str(body["job_type"]), str(target_type), path)
    envelope = _envelope(body)
    if not envelope:
        return issues
    from handler.specs.deployment import deployment_warnings

    return [*issues, *_inside_task_data(deployment_warnings(envelope))]


def _repeated_targets(body: dict[str, Json]) -> Iterator[Issue]:
    content = body.get("job_content")
    targets = content.get("targets") if isinstance(content, dict) else None
    listed = targets if isinstance(targets, list) else []
    ids = [one.get("target_id") if isinstance(one, dict) else None for one in listed]
    return repeated_target_errors(ids, ("job_content", "targets"))


def _target_warnings(content: dict[str, Json]) -> Iterator[Issue]:
    if not content.get("targets"):
        text = "no targets; the API may make a job that does nothing"
        yield Issue(("job_content", "targets"), text)


def _inside_task_data(inside: list[Issue]) -> Iterator[Issue]:
    for one in inside:
        text = f"in its text, {format_path(one.path)}: {one.message}"
        yield Issue(("job_content", "task_data"), text)


def _task_data_errors(body: dict[str, Json]) -> Iterator[Issue]:
    job_type = body.get("job_type")
    content = body.get("job_content")
    has_it = isinstance(content, dict) and "task_data" in content
    if job_type == "node_upgrade" and has_it:
        text = "does not belong to node_upgrade; leave it out"
        yield Issue(("job_content", "task_data"), text)
    if job_type in ("deployment_deploy", "deployment_upgrade") and not has_it:
        yield Issue(("job_content", "task_data"), f"missing; {job_type} needs it")
