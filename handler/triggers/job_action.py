"""Events that ask for an operation on one job: `{"action": "job.pause", "job": …, "reason": …}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from handler.errors import EventRejectedError, Problem
from handler.parsing import format_path
from handler.parsing.validation_errors import validation_issues
from handler.triggers.delivery import Action, ActionName

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


class JobAction(BaseModel):
    """The fields of such an event."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    action: ActionName
    job: str = Field(min_length=1, max_length=256)
    reason: str = Field(default="", max_length=500)


def parse_job_action(event: dict[str, Json]) -> Action:
    """Return the action that an event asks for.

    Raises:
        EventRejectedError: It does not name a job, or has fields that it cannot have.
    """
    issues = validation_issues(JobAction, event)
    if issues:
        raise EventRejectedError([Problem(one.message, format_path(one.path)) for one in issues])
    parsed = JobAction.model_validate(event)
    return Action(parsed.action, parsed.job, parsed.reason)
