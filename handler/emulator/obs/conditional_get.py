"""Answers reads of an object: conditions, ranges and headers.

Conditions and ranges as on the OBS API's page for GetObject. `If-None-Match` on writing is not
documented there, and not supported here.
"""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

from handler.emulator.http.messages import RefusedError, Request, Response
from handler.emulator.obs.xml_responses import refused, spelled_both_ways

if TYPE_CHECKING:
    from handler.emulator.obs.addressing import Address
    from handler.emulator.obs.bucket import ObjectVersion

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def read(request: Request, stored: ObjectVersion, address: Address, *, versioned: bool) -> Response:
    """Return the answer to GetObject and HeadObject.

    Args:
        request: The request, with its conditions and its range.
        stored: The version that is read.
        address: Where it is.
        versioned: Whether its bucket ever had versioning on.

    Raises:
        RefusedError: A condition is not met, or the range is outside of the object.
    """
    headers = described(stored, versioned=versioned)
    _check_conditions(request, stored, address, headers)
    byte_range = _range(request.header("Range"), len(stored.data))
    if byte_range is None:
        return Response(200, stored.data, headers)
    first, last = byte_range
    if first > last:
        size = {"Content-Range": f"bytes */{len(stored.data)}"}
        raise refused("InvalidRange", address, size)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(stored.data)}"
    return Response(206, stored.data[first : last + 1], headers)


def described(stored: ObjectVersion, *, versioned: bool) -> dict[str, str]:
    """Return the headers that describe a version.

    Args:
        stored: The version.
        versioned: Whether its bucket ever had versioning on.
    """
    headers = {
        "Content-Type": stored.content_type,
        "ETag": f'"{stored.etag}"',
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        **{f"x-obs-meta-{name}": value for name, value in stored.metadata},
    }
    if versioned:
        headers["x-obs-version-id"] = stored.version_id
    if stored.appends:
        headers["x-obs-object-type"] = "Appendable"
        headers["x-obs-next-append-position"] = str(len(stored.data))
    return headers


def _check_conditions(
    request: Request, stored: ObjectVersion, address: Address, headers: dict[str, str]
) -> None:
    match, none_match = request.header("If-Match"), request.header("If-None-Match")
    unmodified = _date(request.header("If-Unmodified-Since"))
    modified = _date(request.header("If-Modified-Since"))
    # RFC 9110, 13.2.2: an entity tag takes precedence over a date.
    if match:
        if not _names(match, stored):
            raise refused("PreconditionFailed", address)
    elif unmodified is not None and int(stored.modified) > unmodified:
        raise refused("PreconditionFailed", address)
    if none_match:
        if _names(none_match, stored):
            raise _not_modified(headers)
    elif modified is not None and int(stored.modified) <= modified:
        raise _not_modified(headers)


def _not_modified(headers: dict[str, str]) -> RefusedError:
    sent = {name: value for name, value in headers.items() if name != "Content-Type"}
    return RefusedError(Response(304, b"", spelled_both_ways(sent)))


def _names(tags: str, stored: ObjectVersion) -> bool:
    given = {tag.strip().strip('"') for tag in tags.split(",")}
    return bool(given & {"*", stored.etag})


def _date(text: str) -> float | None:
    """Parse a date; an invalid one is ignored."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a range, None if there is no valid one.

    A range outside of the object has its first byte after its last.
    """
    match = _RANGE.fullmatch(text.strip())
    if not match or match[0] == "bytes=-":
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size - 1
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    return (first, min(last, size - 1)) if first < size else (size, size - 1)
