"""Creates events in the formats of the platform's triggers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.values.canonical_json import Json

_REGION = "cn-north-4"
_REGION_ZONE = timezone(timedelta(hours=8))
_RULE = "nightdrop-uploads"
_ACCOUNT = "8e61b3f4c5a04d27a9d2f07c41b6e390"
_PRINCIPAL = "c27e4b9051d84f3f8a6b0d13e9f57a42"
_OWNER = "5a90d7c3e8124b6fb1f4260c9e73d815"
_IP = "192.0.2.17"  # an address for documentation (RFC 5737)
_OBS = MappingProxyType({"Version": "1.0", "configurationId": _RULE})
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_GRID_VERBS = {"Put": "PUT", "Post": "POST", "Copy": "COPY"}


@dataclass(frozen=True)
class Upload:
    """A change of an object; the key is not encoded, the kind of change has no prefix.

    With `raw_key`, EventGrid's event does not encode it either (`Key_encode`).
    """

    bucket: str
    key: str
    size: int
    etag: str
    request_id: str
    at: datetime
    version_id: str = "null"
    event_name: str = "ObjectCreated:Put"
    ip: str = _IP
    raw_key: bool = False


def timer_event(name: str, user_event: str, at: datetime) -> dict[str, Json]:
    """Return the event of a timer trigger: five keys, with the spec as text."""
    return {
        "version": "v1.0",
        "time": at.isoformat(timespec="seconds"),
        "trigger_type": "TIMER",
        "trigger_name": name,
        "user_event": user_event,
    }


def obs_s3_event(upload: Upload) -> dict[str, Json]:
    """Return OBS's event in format 2.0, under `s3`, with the key form-encoded."""
    entry: dict[str, Json] = {
        "eventVersion": "2.0",
        "eventSource": "aws:s3",
        "awsRegion": _REGION,
        "eventTime": _milliseconds(upload.at),
        "eventName": upload.event_name,
        "userIdentity": {"principalId": _PRINCIPAL},
        "requestParameters": {"sourceIPAddress": upload.ip},
        "responseElements": {
            "x-amz-request-id": upload.request_id,
            "x-amz-id-2": _debug_id(upload),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": _RULE,
            "bucket": {
                "name": upload.bucket,
                "arn": f"arn:fss:s3:::{upload.bucket}",
                "ownerIdentity": {"PrincipalId": _OWNER},
            },
            "object": _object(upload),
        },
    }
    return {"Records": [entry]}


def obs_event(upload: Upload) -> dict[str, Json]:
    """Return OBS's event in format 3.0, under `obs`, with the key form-encoded."""
    return {"Records": [_message(upload)]}


def eventgrid_event(upload: Upload) -> dict[str, Json]:
    """Return the CloudEvent of EventGrid for an OBS event, with the key form-encoded, or raw.

    As in observed events, `data.eventTime` is the region's local time with a Z; `time` is correct.
    """
    at = upload.at.astimezone(timezone.utc)
    kind, _, verb = upload.event_name.partition(":")
    clock_time = at.astimezone(_REGION_ZONE).replace(tzinfo=timezone.utc)
    return {
        "specversion": "1.0",
        "id": upload.request_id,
        "source": "HC.OBS.DWR",
        "type": f"OBS:DWR:{kind}:{_GRID_VERBS.get(verb, verb)}",
        "subject": upload.key,
        "time": f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z",
        "datacontenttype": "application/json",
        "dataschema": "",
        "ttl": "4000",
        "data": {
            **_message(upload),
            "eventTime": _milliseconds(clock_time),
            "responseElements": _response_elements(upload)
            | {"x-amz-request-id": "", "x-amz-id-2": ""},
            "obs": {
                **_OBS,
                "bucket": _bucket(upload) | {"arn": ""},
                "object": _object(upload)
                | {"oldpsxpth": ""}
                | ({"key": upload.key} if upload.raw_key else {}),
            },
        },
    }


SHAPES: Mapping[str, Callable[[Upload], dict[str, Json]]] = MappingProxyType(
    {"obs": obs_event, "obs-s3": obs_s3_event, "eventgrid": eventgrid_event}
)
"""The formats of an upload's event, by their names in the log (`source.shape`)."""


def object_event(
    bucket: str, key: str, data: bytes, *, request_id: str, at: datetime
) -> dict[str, Json]:
    """Return the event of OBS for a new object, in format 3.0."""
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return obs_event(Upload(bucket, key, len(data), etag, request_id, at, ip="127.0.0.1"))


def _message(upload: Upload) -> dict[str, Json]:
    return {
        "eventVersion": "3.0",
        "eventSource": "OBS",
        "eventRegion": _REGION,
        "eventTime": _milliseconds(upload.at),
        "eventName": upload.event_name,
        "userIdentity": {"ID": _ACCOUNT},
        "requestParameters": {"sourceIPAddress": upload.ip},
        "responseElements": {**_response_elements(upload)},
        "obs": {**_OBS, "bucket": _bucket(upload), "object": _object(upload)},
    }


def _response_elements(upload: Upload) -> dict[str, Json]:
    return {"x-obs-request-id": upload.request_id, "x-obs-id-2": _debug_id(upload)}


def _bucket(upload: Upload) -> dict[str, Json]:
    return {"name": upload.bucket, "bucket": upload.bucket, "ownerIdentity": {"ID": _ACCOUNT}}


def _object(upload: Upload) -> dict[str, Json]:
    nanoseconds = (upload.at - _EPOCH) // timedelta(microseconds=1) * 1000
    return {
        "key": quote_plus(upload.key),
        **({"eTag": upload.etag} if upload.etag else {}),
        "size": upload.size,
        "versionId": upload.version_id,
        "sequencer": f"{nanoseconds:024X}00000000",  # grows with time, compares as text
    }


def _debug_id(upload: Upload) -> str:
    digest = hashlib.sha256(upload.request_id.encode()).digest()
    return "32AAAQAAEAABAAAQAAEAABAAAQAAEAABCS" + base64.b32encode(digest).decode()[:30]


def _milliseconds(at: datetime) -> str:
    text = at.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
