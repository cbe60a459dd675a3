"""The messages of the triggers, as far as they are used.

Unknown fields are passed over. What a delivery rests on is checked strictly; what is only recorded
beside it is dropped when it is not as expected, since a job should not fail for a missing address.
Field names are those of FunctionGraph's and OBS's own messages (OBS guide, obs_41_0045).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from handler.errors import Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

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


class TimerTick(BaseModel):
    """One tick of a timer; its five keys are all it has, there is no id."""

    model_config = _OUTSIDE

    trigger_name: str = Field(min_length=1, max_length=256)
    time: str = Field(min_length=1, max_length=64)
    user_event: str


class Bucket(BaseModel):
    """The bucket of an object that fired."""

    model_config = _OUTSIDE

    name: str = Field(min_length=1, max_length=63)


class StoredObject(BaseModel):
    """The object that fired; the key as it came, three characters at most for each of its bytes."""

    model_config = _OUTSIDE

    key: str = Field(min_length=1, max_length=3 * 1024)
    etag: ShortText = Field(default=None, alias="eTag")
    size: Size = None
    version: ShortText = Field(default=None, alias="versionId")
    sequencer: ShortText = None


class Content(BaseModel):
    """What an entry's `s3` or `obs` holds."""

    model_config = _OUTSIDE

    bucket: Bucket
    stored: StoredObject = Field(alias="object")


class User(BaseModel):
    """Who acted: `ID` is the account in shape `obs`, `principalId` an identity in shape `s3`."""

    model_config = _OUTSIDE

    account: ShortText = Field(default=None, alias="ID")
    principal: ShortText = Field(default=None, alias="principalId")


class RequestInfo(BaseModel):
    """What is known of the request that changed the object."""

    model_config = _OUTSIDE

    ip: ShortText = Field(default=None, alias="sourceIPAddress")


class ResponseInfo(BaseModel):
    """What OBS answered to that request: its id, under one of two names."""

    model_config = _OUTSIDE

    obs_id: ShortText = Field(default=None, alias="x-obs-request-id")
    s3_id: ShortText = Field(default=None, alias="x-amz-request-id")


class Entry(BaseModel):
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

    Its `time` is true UTC; `data.eventTime` has been seen with local time under a `Z`.
    """

    model_config = _OUTSIDE

    id: ShortText = None
    time: ShortText = None
    data: Entry


def problems_of(error: ValidationError, place: str = "") -> tuple[Problem, ...]:
    """Return what a message lacks, in sentences of our own.

    Args:
        error: What pydantic found.
        place: Where in the event the message stands, such as `Records[1]`.
    """
    found = error.errors(include_url=False, include_context=True, include_input=False)
    return tuple(Problem(_sentence(one), path=_path(place, one["loc"])) for one in found)


def _sentence(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    sentences = {
        "missing": "missing",
        "string_type": "must be text",
        "string_unicode": "must be text without lone surrogates",
        "string_too_short": "must not be empty",
        "string_too_long": f"must be at most {context.get('max_length')} characters",
        "model_type": "must be an object",
    }
    return sentences.get(error["type"], "is not as the trigger sends it")


def _path(place: str, location: tuple[int | str, ...]) -> str:
    path = place
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
