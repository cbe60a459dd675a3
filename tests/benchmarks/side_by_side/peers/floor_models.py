"""The floor, with the job validated by pydantic models: the least that a function with models does.

The models are those of the API's request without a deployment's contents, which Nightdrop has too.
"""

from __future__ import annotations

from floor import handler as floor_handler
from pydantic import BaseModel


class Target(BaseModel):
    """What the job works on."""

    target_id: str


class Content(BaseModel):
    """What the job does, and to what."""

    target_type: str
    targets: list[Target]
    task_data: str


class Tag(BaseModel):
    """A label of the job."""

    key: str
    value: str


class Job(BaseModel):
    """A batch job in the API's own form."""

    job_name: str
    job_type: str
    job_content: Content
    tags: list[Tag]


def handler(event: dict[str, str], context: object) -> dict[str, str]:
    """Validate the job of one timer event, create it and return the API's answer."""
    Job.model_validate_json(event["user_event"])
    return floor_handler(event, context)
