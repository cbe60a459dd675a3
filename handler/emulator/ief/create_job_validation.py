"""Validates the body of CreateBatchJob, by the field table of its API page.

Independent of Nightdrop's own models, so that it catches mistakes in them. Where the page is silent
it is strict: unknown fields and deployment jobs without task data are refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handler.emulator.http.messages import RefusedError, json_response

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

BAD_NAME = "IEF.100012"
# The codes of batch jobs are not documented; this one is used for every other invalid field.
BAD_FIELD = "IEF.100002"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,24}[a-z0-9])?")
_TAG_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_JOB_TYPES = frozenset({"node_upgrade", "deployment_deploy", "deployment_upgrade"})
_TARGET_TYPES = frozenset({"node", "node_group", "deployment"})
_LONGEST_TAG_VALUE = 256


def read_job(body: bytes) -> dict[str, Json]:
    """Return the body of a CreateBatchJob request, as received.

    Raises:
        RefusedError: The body is invalid; the answer names the first reason.
    """
    try:
        value = json.loads(body)
    except ValueError as error:
        raise _refused("the body is not JSON") from error
    job = _mapping(value, "body", {"job_name", "job_type", "job_content", "description", "tags"})
    if not _NAME.fullmatch(_text(job, "job_name", "body")):
        raise _refused("job_name is invalid", BAD_NAME)
    _need(_text(job, "job_type", "body") in _JOB_TYPES, "job_type is invalid")
    if "description" in job:
        _text(job, "description", "body")
    for tag in _list(job, "tags"):
        _check_tag(tag)
    _check_content(job)
    return job


def _check_content(job: dict[str, Json]) -> None:
    content = _mapping(
        job.get("job_content", {}), "job_content", {"target_type", "targets", "task_data"}
    )
    if "target_type" in content:
        kind = _text(content, "target_type", "job_content")
        _need(kind in _TARGET_TYPES, "target_type is invalid")
    for target in _list(content, "targets"):
        _check_target(target)
    if job["job_type"] == "node_upgrade":
        _need("task_data" not in content, "task_data does not belong to a node upgrade")
    else:
        _check_task_data(_text(content, "task_data", "job_content"))


def _check_target(value: Json) -> None:
    target = _mapping(value, "target", {"target_id", "extension_info"})
    _need(bool(_text(target, "target_id", "target")), "target_id is empty")
    for one in _list(target, "extension_info"):
        extension = _mapping(one, "extension_info", {"key", "value"})
        _text(extension, "key", "extension_info")
        _text(extension, "value", "extension_info")


def _check_task_data(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _refused("task_data is not JSON") from error
    _need(isinstance(value, dict) and "deployment" in value, "task_data has no deployment")


def _check_tag(value: Json) -> None:
    tag = _mapping(value, "tag", {"key", "value"})
    _need(bool(_TAG_KEY.fullmatch(_text(tag, "key", "tag"))), "a tag's key is invalid")
    length = len(_text(tag, "value", "tag"))
    _need(1 <= length <= _LONGEST_TAG_VALUE, "a tag's value is invalid")


def _mapping(value: Json, where: str, fields: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _refused(f"{where} is not an object")
    _need(value.keys() <= fields, f"{where} has a field the API does not know")
    return value


def _text(mapping: dict[str, Json], field: str, where: str) -> str:
    value = mapping.get(field)
    if not isinstance(value, str):
        raise _refused(f"{field} of {where} is missing or not a string")
    return value


def _list(mapping: dict[str, Json], field: str) -> list[Json]:
    value = mapping.get(field, [])
    if not isinstance(value, list):
        raise _refused(f"{field} is not an array")
    return value


def _need(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise _refused(message)


def _refused(message: str, code: str = BAD_FIELD) -> RefusedError:
    return RefusedError(json_response(400, {"error_code": code, "error_msg": message}))
