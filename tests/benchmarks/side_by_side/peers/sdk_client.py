"""The SDK peer: pydantic for the body, the service's own SDK for the call, sqlite-utils for a row.

A second delivery of the same event creates a second job.
"""

from __future__ import annotations

import os
from threading import local
from typing import Annotated, Literal

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkief.v1 import (
    Attributes,
    BatchJobRequest,
    CreateBatchJobRequest,
    Extension,
    IefClient,
    JobContentInfo,
    Target,
)
from pydantic import BaseModel, ConfigDict, Field, Json
from sqlite_utils import Database


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Extension(_Strict):
    key: Literal["node_name"]
    value: str


class _Target(_Strict):
    target_id: Annotated[str, Field(min_length=1)]
    extension_info: list[_Extension] = []


class _Content(_Strict):
    target_type: Literal["node", "node_group", "deployment"]
    targets: list[_Target]
    task_data: str | None = None


class _Tag(_Strict):
    key: Annotated[str, Field(min_length=1, max_length=128)]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class _Job(_Strict):
    job_name: Annotated[str, Field(max_length=26, pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    job_type: Literal["node_upgrade", "deployment_deploy", "deployment_upgrade"]
    job_content: _Content
    description: str = ""
    tags: list[_Tag] = []


class _TimerEvent(BaseModel):
    trigger_type: Literal["TIMER"]
    trigger_name: str
    time: str
    user_event: Json[_Job]


_client = (
    IefClient.new_builder()
    .with_credentials(
        BasicCredentials(
            os.environ["HUAWEICLOUD_SDK_AK"],
            os.environ["HUAWEICLOUD_SDK_SK"],
            os.environ["NIGHTDROP_PROJECT_ID"],
        )
    )
    .with_endpoints([os.environ["NIGHTDROP_IEF_ENDPOINT"]])
    .build()
)
_thread = local()


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Create the job of one timer event and return its id."""
    job = _TimerEvent.model_validate(event).user_event
    content = JobContentInfo(
        target_type=job.job_content.target_type,
        task_data=job.job_content.task_data,
        targets=[
            Target(
                target_id=one.target_id,
                extension_info=[Extension(key=x.key, value=x.value) for x in one.extension_info],
            )
            for one in job.job_content.targets
        ],
    )
    body = BatchJobRequest(
        job_name=job.job_name,
        job_type=job.job_type,
        job_content=content,
        description=job.description,
        tags=[Attributes(key=tag.key, value=tag.value) for tag in job.tags],
    )
    answer = _client.create_batch_job(CreateBatchJobRequest(body=body))
    _insert({"time": event["time"], "job": answer.job_id, "body": event["user_event"]})
    return {"job_id": answer.job_id}


def _insert(row: dict[str, str]) -> None:
    if not hasattr(_thread, "database"):
        _thread.database = Database(os.environ["AUDIT_DB"])
        _thread.database.enable_wal()
    _thread.database["audit"].insert(row)
