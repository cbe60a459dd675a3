"""An object that was found in the watched place, because its notification never came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.triggers.delivery import Delivery, StoredSpec
from handler.values.canonical_json import key_of, timestamp

if TYPE_CHECKING:
    from datetime import datetime


def swept(bucket: str, key: str, *, etag: str, modified_at: datetime) -> Delivery:
    """Return the delivery of an object that a listing showed.

    Args:
        bucket: The bucket.
        key: The object's key.
        etag: Its entity tag.
        modified_at: When it was written, aware.
    """
    time = timestamp(modified_at)
    return Delivery(
        key=key_of({"bucket": bucket, "key": key, "etag": etag, "modified_at": time}),
        trigger="object",
        subject=f"obs://{bucket}/{key}",
        fired_at=modified_at,
        actor={"kind": "tick"},
        source={
            "shape": "swept",
            "bucket": bucket,
            "key": key,
            "etag": etag,
            "event_name": "ObjectCreated:Swept",
            "time": time,
        },
        spec=StoredSpec(bucket, key, etag=etag),
    )
