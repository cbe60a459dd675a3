"""A bucket: its current objects, and the versions behind them.

The rules are those of the OBS user guide's page on versioning:

                 put                         delete without a version id
    never on     replaces                    removes
    Enabled      a new version in front      a delete marker in front
    Suspended    replaces version `null`     replaces version `null` by a delete marker
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENABLED = "Enabled"

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


@dataclass
class Bucket:
    """A bucket.

    Attributes:
        objects: The current objects by key.
        older: By key, the versions behind the current object, the oldest first; where there is no
            current object, the last of them is a delete marker.
        versioning: `Enabled`, `Suspended`, or "" if versioning was never on.
        locked_days: How many days new objects are locked; 0 if the lock was never on.
    """

    objects: dict[str, ObjectVersion] = field(default_factory=dict)
    older: dict[str, list[ObjectVersion]] = field(default_factory=dict)
    versioning: str = ""
    locked_days: int = 0

    def put(self, key: str, stored: ObjectVersion) -> None:
        """Make an object, or with `deleted` a delete marker, the newest version of a key."""
        current, older = self.objects.pop(key, None), self.older.setdefault(key, [])
        if current and self.versioning and current.version_id != stored.version_id:
            older.append(current)
        # In a bucket that had versioning on there is one version `null` at most.
        older[:] = [one for one in older if one.version_id != stored.version_id]
        if stored.deleted:
            older.append(stored)
        else:
            self.objects[key] = stored
        self._drop_empty_history(key)

    def append(self, key: str, data: bytes, modified: float) -> ObjectVersion:
        """Append data to the current object; its version id stays the same."""
        current = self.objects[key]
        grown = replace(
            current, data=current.data + data, modified=modified, appends=current.appends + 1
        )
        self.objects[key] = grown
        return grown

    def remove(self, key: str, version_id: str | None = None) -> None:
        """Remove one version of a key permanently, or without an id the current object."""
        current, older = self.objects.get(key), self.older.setdefault(key, [])
        if current and version_id in {None, current.version_id}:
            del self.objects[key]
        older[:] = [one for one in older if one.version_id != version_id]
        if key not in self.objects and older and not older[-1].deleted:
            self.objects[key] = older.pop()
        self._drop_empty_history(key)

    def _drop_empty_history(self, key: str) -> None:
        if not self.older[key]:
            del self.older[key]

    def version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version of a key."""
        return next((one for one in self.history(key) if one.version_id == version_id), None)

    def delete_marker(self, key: str) -> ObjectVersion | None:
        """Return the delete marker that hides a key, if one does."""
        return self.older[key][-1] if key in self.older and key not in self.objects else None

    def history(self, key: str) -> list[ObjectVersion]:
        """Return all versions of a key and its delete markers, the newest first."""
        current = self.objects.get(key)
        return [*([current] if current else []), *reversed(self.older.get(key, []))]

    def versions(self) -> Iterator[tuple[str, ObjectVersion, bool]]:
        """Yield key, version and whether it is the latest, in listing order."""
        for key in sorted(self.objects.keys() | self.older.keys()):
            for index, one in enumerate(self.history(key)):
                yield key, one, index == 0

    def new_version_id(self, unique: str) -> str:
        """Return a version id for the next write, from a UUID as text: 32 characters, or `null`."""
        if self.versioning != ENABLED:
            return NO_VERSION
        return f"G0011{unique.replace('-', '')[:27].upper()}"
