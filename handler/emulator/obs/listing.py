"""One page of a bucket's objects or versions: prefix, delimiter, markers and page size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from handler.emulator.obs.bucket import Bucket, ObjectVersion

_LARGEST_PAGE = 1000
"""Entries on a page, at most and by default."""


@dataclass(frozen=True)
class ListEntry:
    """A key with its object, version or delete marker, or a common prefix without any.

    `latest` says whether it is the newest of its key.
    """

    key: str
    stored: ObjectVersion | None = None
    latest: bool = False

    @property
    def version_id(self) -> str:
        """Its version id, "" for a common prefix."""
        return self.stored.version_id if self.stored else ""


@dataclass(frozen=True)
class Page:
    """One page of a bucket: its entries in order, `max_keys` at most, and whether more follow."""

    bucket: str
    parameters: Mapping[str, str]
    max_keys: int
    entries: tuple[ListEntry, ...]
    truncated: bool


def page_of_objects(name: str, bucket: Bucket, parameters: Mapping[str, str]) -> Page:
    """Return the page of ListObjects that a decoded query requests.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    # OBS orders keys by their UTF-8 bytes, which is the order of code points.
    objects = ((key, stored, True) for key, stored in sorted(bucket.objects.items()))
    marker = parameters.get("marker", "")
    entries = (entry for entry in _entries(objects, parameters) if entry.key > marker)
    return _page(name, parameters, entries)


def page_of_versions(name: str, bucket: Bucket, parameters: Mapping[str, str]) -> Page:
    """Return the page of ListVersions that a decoded query requests.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    entries = _entries(bucket.versions(), parameters)
    return _page(name, parameters, _after_version(entries, parameters))


def _page(name: str, parameters: Mapping[str, str], entries: Iterable[ListEntry]) -> Page:
    wanted = parameters.get("max-keys", str(_LARGEST_PAGE))
    if not wanted.isascii() or not wanted.isdigit():
        raise ValueError("max-keys is not a number from 0")
    size, found = min(int(wanted), _LARGEST_PAGE), tuple(entries)
    return Page(name, parameters, size, found[:size], truncated=0 < size < len(found))


def _entries(
    versions: Iterable[tuple[str, ObjectVersion, bool]], parameters: Mapping[str, str]
) -> Iterator[ListEntry]:
    """Select by the prefix, and replace keys by their common prefix up to the delimiter."""
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    last = ""
    for key, stored, latest in versions:
        if not key.startswith(prefix):
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        common = key[: end + len(delimiter)] if end >= 0 else ""
        if not common:
            yield ListEntry(key, stored, latest)
        elif common != last:
            last = common
            yield ListEntry(common)


def _after_version(
    entries: Iterable[ListEntry], parameters: Mapping[str, str]
) -> Iterator[ListEntry]:
    """Skip the entries up to the markers: up to one version, or all versions of a key."""
    key, version_id = parameters.get("key-marker", ""), parameters.get("version-id-marker", "")
    passed = False
    for entry in entries:
        if entry.key > key or (entry.key == key and passed):
            yield entry
        elif entry.key == key and version_id:
            passed = entry.version_id == version_id
