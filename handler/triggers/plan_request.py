"""Events that ask what the function would do with a spec: `{"action": "plan", "spec": …}`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from handler.errors import EventRejectedError, Problem, SpecRejectedError
from handler.parsing import Limits, format_path, read
from handler.parsing.validation_errors import validation_issues
from handler.triggers.delivery import Action, Delivery, InlineSpec, direct_delivery
from handler.values.canonical_json import key_of
from handler.values.obs_address import parse_obs_object

if TYPE_CHECKING:
    from handler.values.canonical_json import Json


class PlanAction(BaseModel):
    """The fields of such an event."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    action: Literal["plan"]
    spec: str | dict[str, Any]
    object: str = Field(default="", max_length=1200)


def parse_plan_request(event: dict[str, Json]) -> Action:
    """Return what an event asks about: a spec handed over, or one that would be dropped.

    `spec` is a job spec, or the text of a spec file; `object` is the address, `obs://bucket/key`,
    that it would be dropped at.

    Raises:
        EventRejectedError: It has no spec, or fields that it cannot have.
    """
    issues = validation_issues(PlanAction, event)
    if issues:
        raise EventRejectedError([Problem(one.message, format_path(one.path)) for one in issues])
    asked = PlanAction.model_validate(event)
    text = asked.spec if isinstance(asked.spec, str) else json.dumps(asked.spec, ensure_ascii=False)
    spec = InlineSpec(text)
    if not asked.object:
        return Action("plan", replace(direct_delivery(_mapping(asked.spec)), spec=spec))
    try:
        bucket, key = parse_obs_object(asked.object)
    except ValueError as error:
        raise EventRejectedError([Problem(str(error), "object")]) from error
    delivery = Delivery(
        key=key_of(event),
        trigger="object",
        subject=f"obs://{bucket}/{key}",
        fired_at=None,
        actor={"kind": "unknown"},
        source={"shape": "plan", "bucket": bucket, "key": key},
        spec=spec,
    )
    return Action("plan", delivery)


def _mapping(spec: str | dict[str, Any]) -> dict[str, Json]:
    """Return the job spec in a text, which has the same key as when it is handed over itself."""
    if isinstance(spec, dict):
        return spec
    try:
        documents = read(InlineSpec(spec).data, Limits())
    except SpecRejectedError:
        documents = ()
    value = documents[0].value if len(documents) == 1 else None
    return value if isinstance(value, dict) else {"spec": spec}
