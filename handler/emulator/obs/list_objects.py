"""One page of a bucket's objects: prefix, marker, delimiter and page size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.emulator.obs.object_version import ObjectVersion

LARGEST_PAGE = 1000
"""Entries on a page, at most and by default."""


@dataclass(frozen=True)
class ObjectPage:
    """One page.

    Attributes:
        bucket: The bucket's name.
        prefix: What the keys begin with.
        marker: The key after which the page starts.
        delimiter: What groups keys into common prefixes; "" for none.
        max_keys: Entries on the page at most.
        url_encoded: Whether keys are written percent-encoded.
        objects: Keys and their objects, in order.
        prefixes: The common prefixes, in order.
        next_marker: The marker of the next page; "" if this is the last.
    """

    bucket: str
    prefix: str
    marker: str
    delimiter: str
    max_keys: int
    url_encoded: bool
    objects: tuple[tuple[str, ObjectVersion], ...] = ()
    prefixes: tuple[str, ...] = ()
    next_marker: str = ""


def list_objects(
    bucket: str, kept: Mapping[str, ObjectVersion], parameters: Mapping[str, str]
) -> ObjectPage:
    """Return the page that a query requests.

    Args:
        bucket: The bucket's name.
        kept: Its objects by key.
        parameters: The decoded query.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    marker, size = parameters.get("marker", ""), page_size(parameters)
    # OBS orders keys by their UTF-8 bytes, which is the order of code points.
    entries = sorted(
        {common_prefix(key, prefix, delimiter) or key for key in kept if key.startswith(prefix)}
    )
    entries = [entry for entry in entries if entry > marker]
    page = entries[:size]
    return ObjectPage(
        bucket,
        prefix,
        marker,
        delimiter,
        size,
        parameters.get("encoding-type") == "url",
        objects=tuple(
            (e, kept[e]) for e in page if e in kept and not common_prefix(e, prefix, delimiter)
        ),
        prefixes=tuple(entry for entry in page if common_prefix(entry, prefix, delimiter)),
        next_marker=page[-1] if page and len(entries) > size else "",
    )


def page_size(parameters: Mapping[str, str]) -> int:
    """Return how many entries a page has at most.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    wanted = parameters.get("max-keys", str(LARGEST_PAGE))
    if not wanted.isascii() or not wanted.isdigit():
        raise ValueError("max-keys is not a number from 0")
    return min(int(wanted), LARGEST_PAGE)


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return the common prefix that stands for a key in a list, "" if the key stands for itself.

    Args:
        key: The key; it begins with the prefix.
        prefix: What the keys begin with.
        delimiter: What groups keys; "" for none.
    """
    address = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: address + len(delimiter)] if address >= 0 else ""
