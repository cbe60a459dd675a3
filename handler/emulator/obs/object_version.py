"""One version of an object."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

NO_VERSION = "null"
"""The version id of objects that are written while versioning is not enabled."""


@dataclass(frozen=True)
class ObjectVersion:
    """One version of an object in a bucket.

    Attributes:
        data: Its bytes.
        modified: When it was written, in seconds since 1970.
        content_type: The media type it was written with.
        metadata: The headers under `x-obs-meta-`, their names without that prefix.
        version_id: Its version id.
        appends: How often it was appended to; 0 if it was put, which excludes appending.
        deleted: Whether it is a delete marker.
        locked_until: Until when it cannot be removed, in seconds since 1970.
    """

    data: bytes
    modified: float
    content_type: str = "binary/octet-stream"
    metadata: tuple[tuple[str, str], ...] = ()
    version_id: str = NO_VERSION
    appends: int = 0
    deleted: bool = False
    locked_until: float = 0.0

    @cached_property
    def etag(self) -> str:
        """The MD5 of the bytes in hex, without quotes."""
        return etag_of(self.data)


def etag_of(data: bytes) -> str:
    """Return the MD5 of bytes in hex: the entity tag in OBS."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
