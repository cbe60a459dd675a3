"""Events that ask for an action and say more than its name: of a spec, a job or a rollout.

`asked_at` makes a copy of an event that comes late harmless: see `changed_since`.

{"action": "plan", "spec": …, "object": "obs://bucket/key"}
{"action": "job.pause", "job": NAME, "reason": …, "asked_at": …}
{"action": "rollout.approve", "rollout": NAME, "wave": 2, "reason": …, "asked_at": …}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from handler.errors import EventRejectedError, Problem, SpecRejectedError
from handler.parsing import Limits, format_path, read
from handler.parsing.validation_errors import validation_issues
from handler.triggers.delivery import Action, ActionName, Delivery, InlineSpec, direct_delivery
from handler.values.canonical_json import key_of
from handler.values.obs_address import parse_obs_object
from handler.values.rfc3339 import parse_rfc3339

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

_STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _with_zone(text: str) -> str:
    if text and parse_rfc3339(text) is None:
        raise ValueError("must be a time with its zone, such as 2026-11-24T02:00:00Z")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError(
            "must not contain the character NUL, which PostgreSQL cannot store; remove it"
        )
    return text


_Reason = Annotated[str, Field(max_length=500), AfterValidator(_without_nul)]
_Time = Annotated[str, AfterValidator(_with_zone)]


class JobAction(BaseModel):
    """The fields of an event that asks for an operation on one job."""

    model_config = _STRICT

    action: ActionName
    job: str = Field(min_length=1, max_length=256)
    reason: _Reason = ""
    asked_at: _Time = ""


class RolloutAction(BaseModel):
    """The fields of an event that asks for an operation on one rollout."""

    model_config = _STRICT

    action: ActionName
    rollout: str = Field(min_length=1, max_length=256)
    wave: int = Field(default=0, ge=0, le=1000)
    reason: _Reason = ""
    asked_at: _Time = ""


def _checked_spec(value: object) -> object:
    if not isinstance(value, str | dict):
        raise ValueError("must be a job spec, or the text of one")  # noqa: TRY004 - as pydantic asks
    return value


class PlanAction(BaseModel):
    """The fields of an event that asks what would be done with a spec.

    Attributes:
        action: The action.
        spec: A job spec, or the text of a spec file.
        object: The address that it would be dropped at; "" if it would be handed over.
    """

    model_config = _STRICT

    action: Literal["plan"]
    spec: Annotated[str | dict[str, Any], BeforeValidator(_checked_spec)]
    object: str = Field(default="", max_length=1200)


_MODELS: dict[str, type[PlanAction | RolloutAction | JobAction]] = {
    "plan": PlanAction,
    "rollout": RolloutAction,
}


def parse_action_event(event: dict[str, Json]) -> Action:
    """Return the action that an event asks for.

    Args:
        event: Its field `action` is `plan` or that of an operation on a job or a rollout.

    Raises:
        EventRejectedError: A field is missing or wrong, or is none that it can have.
    """
    kind = str(event["action"]).partition(".")[0]
    model = _MODELS.get(kind, JobAction)
    issues = validation_issues(model, event)
    if issues:
        raise EventRejectedError([Problem(one.message, format_path(one.path)) for one in issues])
    asked = model.model_validate(event)
    if isinstance(asked, PlanAction):
        return Action("plan", delivery=_delivery(asked, key_of(event)))
    at = parse_rfc3339(asked.asked_at)
    if isinstance(asked, JobAction):
        return Action(asked.action, job=asked.job, reason=asked.reason, asked_at=at)
    return Action(
        asked.action, rollout=asked.rollout, wave=asked.wave, reason=asked.reason, asked_at=at
    )


def _delivery(asked: PlanAction, key: str) -> Delivery:
    given = asked.spec
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    spec = InlineSpec(text)
    if not asked.object:
        value = _job_spec(spec) if isinstance(given, str) else given
        return direct_delivery(value)._replace(spec=spec)
    try:
        bucket, object_key = parse_obs_object(asked.object)
    except ValueError as error:
        raise EventRejectedError([Problem(str(error), "object")]) from error
    return Delivery(
        key=key,  # another one than the event of the object will have
        trigger="object",
        subject=f"obs://{bucket}/{object_key}",
        fired_at=None,
        actor={"kind": "unknown"},
        source={"shape": "plan", "bucket": bucket, "key": object_key},
        spec=spec,
    )


def _job_spec(spec: InlineSpec) -> dict[str, Json]:
    """Return the only job spec in a text, which has the same key as when it is handed over."""
    try:
        documents = read(spec.data, Limits())
    except SpecRejectedError:
        documents = ()
    value = documents[0].value if len(documents) == 1 else None
    return value if isinstance(value, dict) else {"spec": spec.text}
