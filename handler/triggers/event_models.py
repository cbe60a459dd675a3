"""The messages of the triggers: the fields that are used.

Unknown fields are ignored. Fields that a delivery needs are validated strictly. Fields that are
only recorded become None if they are invalid: a job must not fail for a missing address.
Field names are those of FunctionGraph and OBS (OBS guide, obs_41_0045).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

_OUTSIDE = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)
_T = TypeVar("_T")


def _usable(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - pydantic's
    try:
        return validate(value)
    except ValidationError:
        return None


OrNone: TypeAlias = Annotated[_T | None, WrapValidator(_usable)]
ShortText: TypeAlias = OrNone[Annotated[str, Field(min_length=1, max_length=256)]]
Size: TypeAlias = OrNone[Annotated[int, Field(ge=0, lt=2**53)]]


class EventBucket(BaseModel):
    """The bucket of an object that fired."""

    model_config = _OUTSIDE

    name: str = Field(min_length=1, max_length=63)


class EventObject(BaseModel):
    """The object that fired; its key may be URL-encoded, with up to three characters per byte."""

    model_config = _OUTSIDE

    key: str = Field(min_length=1, max_length=3 * 1024)
    etag: ShortText = Field(default=None, alias="eTag")
    size: Size = None
    version: ShortText = Field(default=None, alias="versionId")
    sequencer: ShortText = None


class Content(BaseModel):
    """The content of an entry's `s3` or `obs`."""

    model_config = _OUTSIDE

    bucket: EventBucket
    stored: EventObject = Field(alias="object")


class User(BaseModel):
    """The user: `ID` is an account (shape `obs`), `principalId` an identity (shape `s3`)."""

    model_config = _OUTSIDE

    account: ShortText = Field(default=None, alias="ID")
    principal: ShortText = Field(default=None, alias="principalId")


class RequestInfo(BaseModel):
    """The request that changed the object."""

    model_config = _OUTSIDE

    ip: ShortText = Field(default=None, alias="sourceIPAddress")


class ResponseInfo(BaseModel):
    """The response to that request: its id, under one of two names."""

    model_config = _OUTSIDE

    obs_id: ShortText = Field(default=None, alias="x-obs-request-id")
    s3_id: ShortText = Field(default=None, alias="x-amz-request-id")


class EventEntry(BaseModel):
    """One message of OBS: an entry of `Records`, or the `data` of a CloudEvent."""

    model_config = _OUTSIDE

    event_name: str = Field(alias="eventName", min_length=1, max_length=128)
    event_time: ShortText = Field(default=None, alias="eventTime")
    user: OrNone[User] = Field(default=None, alias="userIdentity")
    request: OrNone[RequestInfo] = Field(default=None, alias="requestParameters")
    response: OrNone[ResponseInfo] = Field(default=None, alias="responseElements")
    s3: Content | None = None
    obs: Content | None = None


class CloudEvent(BaseModel):
    """An OBS event through EventGrid.

    Its `time` is in UTC; `data.eventTime` was observed with local time and a `Z`.
    """

    model_config = _OUTSIDE

    id: ShortText = None
    time: ShortText = None
    data: EventEntry
