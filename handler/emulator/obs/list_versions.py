"""One page of the versions in a bucket: prefix, markers, delimiter and page size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.emulator.obs.list_objects import common_prefix, page_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.emulator.obs.bucket import Bucket
    from handler.emulator.obs.object_version import ObjectVersion


@dataclass(frozen=True)
class VersionEntry:
    """One entry of a page.

    Attributes:
        key: The key, or a common prefix.
        stored: The version or delete marker; None for a common prefix.
        latest: Whether it is the newest of its key.
    """

    key: str
    stored: ObjectVersion | None = None
    latest: bool = False

    @property
    def version_id(self) -> str:
        """Its version id, "" for a common prefix."""
        return self.stored.version_id if self.stored else ""


@dataclass(frozen=True)
class VersionPage:
    """One page.

    Attributes:
        bucket: The bucket's name.
        parameters: The query, decoded.
        max_keys: Entries on the page at most.
        entries: The entries, in order.
        truncated: Whether more follow.
    """

    bucket: str
    parameters: Mapping[str, str]
    max_keys: int
    entries: tuple[VersionEntry, ...]
    truncated: bool


def list_versions(name: str, bucket: Bucket, parameters: Mapping[str, str]) -> VersionPage:
    """Return the page that a query requests.

    Args:
        name: The bucket's name.
        bucket: The bucket.
        parameters: The decoded query.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    size = page_size(parameters)
    entries = list(_after(_entries(bucket, parameters), parameters))
    return VersionPage(
        name, parameters, size, tuple(entries[:size]), truncated=0 < size < len(entries)
    )


def _entries(bucket: Bucket, parameters: Mapping[str, str]) -> Iterator[VersionEntry]:
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    last = ""
    for key, stored, latest in bucket.versions():
        if not key.startswith(prefix):
            continue
        common = common_prefix(key, prefix, delimiter)
        if not common:
            yield VersionEntry(key, stored, latest)
        elif common != last:
            last = common
            yield VersionEntry(common)


def _after(
    entries: Iterator[VersionEntry], parameters: Mapping[str, str]
) -> Iterator[VersionEntry]:
    """Skip the entries up to the markers: up to one version, or all versions of a key."""
    key, version_id = parameters.get("key-marker", ""), parameters.get("version-id-marker", "")
    passed = False
    for entry in entries:
        if entry.key > key or (entry.key == key and passed):
            yield entry
        elif entry.key == key and version_id:
            passed = entry.version_id == version_id
