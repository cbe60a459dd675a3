"""OBS's operations on an object: read, put, append and delete.

As on the OBS API's pages; conditions and ranges as on that of GetObject, appending as on that of
AppendObject (obs_04_0088). `If-None-Match` on writing is not documented, and not supported here.
"""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

from handler.emulator.http.messages import RefusedError, Request, Response
from handler.emulator.obs.bucket import ObjectVersion, etag_of
from handler.emulator.obs.notifications import Notification
from handler.emulator.obs.request import METADATA
from handler.emulator.obs.xml_responses import refused, spelled_both_ways
from handler.emulator.state.changes import DataAppended, ObjectPut, VersionRemoved

if TYPE_CHECKING:
    from handler.emulator.obs.request import Address, ObsCall

_COPIES = ("x-obs-copy-source", "x-amz-copy-source")
_DAY = 86_400
_POSITION = re.compile(r"[0-9]{1,18}")

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def get_object(call: ObsCall) -> Response:
    """Answer GetObject and HeadObject, of the current object or of the version asked for."""
    bucket, key = call.bucket, call.address.key
    version_id = call.request.parameters.get("versionId", "")
    found = bucket.version(key, version_id) if version_id else bucket.objects.get(key)
    marker = found if found and found.deleted else None if version_id else bucket.delete_marker(key)
    if marker:
        headers = {"x-obs-delete-marker": "true", "x-obs-version-id": marker.version_id}
        raise refused("MethodNotAllowed" if version_id else "NoSuchKey", call.address, headers)
    if found is None:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey", call.address)
    return read(call.request, found, call.address, versioned=bool(bucket.versioning))


def put_object(call: ObsCall) -> Response:
    """Answer PutObject."""
    if any(call.request.header(name) for name in _COPIES):
        raise refused("NotImplemented", call.address)
    stored = _written(call, appends=0)
    call.context.state.change(ObjectPut(call.address.bucket, call.address.key, stored))
    _notify(call, stored, "ObjectCreated:Put")
    return Response(200, headers=_answer_headers(call, stored))


def append_object(call: ObsCall) -> Response:
    """Answer AppendObject.

    The first append creates the object, and in a bucket with versioning a version; further ones
    append to that version. The page does not document the entity tag of the complete object: here
    it is the MD5 of all bytes.
    """
    bucket, key, data = call.address.bucket, call.address.key, call.request.body
    current = call.bucket.objects.get(key)
    position = call.request.parameters.get("position", "")
    if call.bucket.locked_days:
        raise refused("AccessDenied", call.address)
    if not _POSITION.fullmatch(position):
        raise refused("InvalidArgument", call.address)
    if current and not 0 < current.appends < call.context.most_appends:
        raise refused("ObjectNotAppendable", call.address)
    if len(data) + (len(current.data) if current else 0) > call.context.largest_object:
        raise refused("EntityTooLarge", call.address)
    is_end = int(position) == (len(current.data) if current else 0)
    if not is_end and not call.deviations.append_anywhere:
        raise refused("PositionNotEqualToLength", call.address)
    if current:
        call.context.state.change(DataAppended(bucket, key, data, call.context.clock()))
    else:
        call.context.state.change(ObjectPut(bucket, key, _written(call, appends=1)))
    stored = call.bucket.objects[key]
    _notify(call, stored, "ObjectCreated:Post")
    next_position = {"x-obs-next-append-position": str(len(stored.data))}
    # The tag in this answer is that of the appended bytes alone, as the page says.
    own = {"ETag": f'"{etag_of(data)}"'}
    return Response(200, headers=_answer_headers(call, stored) | next_position | own)


def delete_object(call: ObsCall) -> Response:
    """Answer DeleteObject, of the current object or of the version asked for."""
    bucket, state = call.bucket, call.context.state
    name, key = call.address.bucket, call.address.key
    version_id = call.request.parameters.get("versionId", "")
    if version_id:
        found = bucket.version(key, version_id)
        if found and found.locked_until > call.context.clock():
            raise refused("AccessDenied", call.address)
        state.change(VersionRemoved(name, key, version_id))
        headers = {"x-obs-version-id": version_id}
        return Response(204, headers=headers | _marked(found))
    if not bucket.versioning:
        state.change(VersionRemoved(name, key, None))
        return Response(204)
    marker = ObjectVersion(
        b"", call.context.clock(), version_id=call.new_version_id(), deleted=True
    )
    state.change(ObjectPut(name, key, marker))
    return Response(204, headers={"x-obs-version-id": marker.version_id} | _marked(marker))


def _marked(found: ObjectVersion | None) -> dict[str, str]:
    return {"x-obs-delete-marker": "true"} if found and found.deleted else {}


def _written(call: ObsCall, *, appends: int) -> ObjectVersion:
    headers, now, days = call.request.headers, call.context.clock(), call.bucket.locked_days
    return ObjectVersion(
        call.request.body,
        now,
        call.request.header("Content-Type") or "binary/octet-stream",
        tuple(
            (name[len(METADATA[0]) :].lower(), value)
            for name, value in headers
            if name.lower().startswith(METADATA)
        ),
        call.new_version_id(),
        appends,
        locked_until=now + days * _DAY if days else 0.0,
    )


def _answer_headers(call: ObsCall, stored: ObjectVersion) -> dict[str, str]:
    headers = {"ETag": f'"{stored.etag}"'} if not stored.appends else {}
    if call.bucket.versioning:
        headers["x-obs-version-id"] = stored.version_id
    return headers


def _notify(call: ObsCall, stored: ObjectVersion, event_name: str) -> None:
    notifications = call.context.notifications
    if notifications.wanted:
        notifications.add(
            Notification(
                call.address.bucket,
                call.address.key,
                len(stored.data),
                stored.etag,
                stored.version_id,
                event_name,
                call.request.request_id,
                call.deviations.raw_keys,
            )
        )


def read(request: Request, stored: ObjectVersion, address: Address, *, versioned: bool) -> Response:
    """Return the answer to GetObject and HeadObject.

    `versioned` says whether the bucket ever had versioning on.

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
    """Return the headers that describe a version; `versioned` is as for `read`."""
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
