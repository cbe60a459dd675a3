"""Events as the platform's triggers write them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from datetime import datetime

    from handler.canonical import Json


def timer_event(name: str, user_event: str, at: datetime) -> dict[str, Json]:
    """Return what a timer trigger delivers: five keys, the spec as text."""
    return {
        "version": "v1.0",
        "time": at.isoformat(timespec="seconds"),
        "trigger_type": "TIMER",
        "trigger_name": name,
        "user_event": user_event,
    }


def object_event(
    bucket: str, key: str, data: bytes, *, request_id: str, at: datetime
) -> dict[str, Json]:
    """Return what OBS delivers for a new object, in its 3.0 shape with the key form-encoded."""
    return {
        "Records": [
            {
                "eventVersion": "3.0",
                "eventSource": "OBS",
                "eventTime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
                "eventName": "ObjectCreated:Put",
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-obs-request-id": request_id},
                "obs": {
                    "Version": "1.0",
                    "bucket": {"name": bucket, "bucket": bucket},
                    "object": {
                        "key": quote_plus(key),
                        "eTag": hashlib.md5(data, usedforsecurity=False).hexdigest(),
                        "size": len(data),
                        "versionId": "null",
                    },
                },
            }
        ]
    }
