"""One page of a bucket's objects: prefix, marker, delimiter and page size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.emulator.state import StoredObject

LARGEST_PAGE = 1000
"""Keys on a page at most, and by default."""


@dataclass(frozen=True)
class Listing:
    """One page.

    Attributes:
        bucket: The bucket's name.
        prefix: What the keys begin with.
        marker: After which key the page begins.
        delimiter: What groups keys into common prefixes; "" for none.
        max_keys: Entries on the page at most.
        url_encoded: Whether keys are written percent-encoded.
        objects: Keys and their objects, in order.
        prefixes: The common prefixes, in order.
        next_marker: Where the next page begins; "" if this is the last.
    """

    bucket: str
    prefix: str
    marker: str
    delimiter: str
    max_keys: int
    url_encoded: bool
    objects: tuple[tuple[str, StoredObject], ...] = ()
    prefixes: tuple[str, ...] = ()
    next_marker: str = ""


def list_objects(
    bucket: str, kept: Mapping[str, StoredObject], parameters: Mapping[str, str]
) -> Listing:
    """Return the page that a query asks for.

    Args:
        bucket: The bucket's name.
        kept: Its objects by key.
        parameters: The decoded query.

    Raises:
        ValueError: `max-keys` is not a number from 0.
    """
    wanted = parameters.get("max-keys", str(LARGEST_PAGE))
    if not wanted.isascii() or not wanted.isdigit():
        raise ValueError("max-keys is not a number from 0")
    prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    marker, size = parameters.get("marker", ""), min(int(wanted), LARGEST_PAGE)
    # OBS orders keys by their UTF-8 bytes, which is the order of code points.
    entries = sorted({_entry(key, prefix, delimiter) for key in kept if key.startswith(prefix)})
    entries = [entry for entry in entries if entry > marker]
    page = entries[:size]
    return Listing(
        bucket,
        prefix,
        marker,
        delimiter,
        size,
        parameters.get("encoding-type") == "url",
        objects=tuple(
            (e, kept[e]) for e in page if e in kept and not _groups(e, prefix, delimiter)
        ),
        prefixes=tuple(entry for entry in page if _groups(entry, prefix, delimiter)),
        next_marker=page[-1] if page and len(entries) > size else "",
    )


def _groups(key: str, prefix: str, delimiter: str) -> bool:
    return bool(delimiter) and delimiter in key[len(prefix) :]


def _entry(key: str, prefix: str, delimiter: str) -> str:
    """Return the key itself or the common prefix that stands for it."""
    if not _groups(key, prefix, delimiter):
        return key
    return key[: key.index(delimiter, len(prefix)) + len(delimiter)]
