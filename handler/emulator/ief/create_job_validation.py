"""Validates the body of CreateBatchJob, by the field table of its API page.

Independent of Nightdrop's own models, so that it catches mistakes in them. Where the page is silent
it is strict: unknown fields and deployment jobs without task data are refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handler.emulator.ief.service_call import refusal_error

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

BAD_NAME = "IEF.100012"
# The codes of batch jobs are not documented; this one is used for every other invalid field.
BAD_FIELD = "IEF.100002"

_STRICT = ConfigDict(extra="forbid", strict=True)


class _Tag(BaseModel):
    model_config = _STRICT
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class _Extension(BaseModel):
    model_config = _STRICT
    key: str
    value: str


class _Target(BaseModel):
    model_config = _STRICT
    target_id: Annotated[str, Field(min_length=1)]
    extension_info: list[_Extension] = []


class _Content(BaseModel):
    model_config = _STRICT
    target_type: Literal["node", "node_group", "deployment"] = "node"
    targets: list[_Target] = []
    task_data: str = ""


class _Job(BaseModel):
    model_config = _STRICT
    job_name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,24}[a-z0-9])?$")]
    job_type: Literal["node_upgrade", "deployment_deploy", "deployment_upgrade"]
    job_content: _Content = _Content()
    description: str = ""
    tags: list[_Tag] = []


def read_job(body: bytes) -> dict[str, Json]:
    """Return the body of a CreateBatchJob request, as received.

    Raises:
        RefusedError: The body is invalid; the answer names the first reason.
    """
    try:
        job: dict[str, Json] = json.loads(body)
        parsed = _Job.model_validate(job)
    except ValidationError as error:
        first = error.errors()[0]
        bad_name = (first["type"], first["loc"]) == ("string_pattern_mismatch", ("job_name",))
        code = BAD_NAME if bad_name else BAD_FIELD
        field = ".".join(map(str, first["loc"])) or "the body"
        raise refusal_error(400, code, f"{field} is invalid") from error
    except ValueError as error:
        raise refusal_error(400, BAD_FIELD, "the body is not JSON") from error
    if problem := _task_data_problem(parsed):
        raise refusal_error(400, BAD_FIELD, problem)
    return job


def _task_data_problem(job: _Job) -> str:
    content = job.job_content
    if job.job_type == "node_upgrade":
        given = "task_data" in content.model_fields_set
        return "a node upgrade must not have task_data" if given else ""
    try:
        task = json.loads(content.task_data)
    except ValueError:
        return "task_data must be JSON"
    return "" if isinstance(task, dict) and "deployment" in task else "task_data has no deployment"
