"""OBS's operations on an object: read, put, append and delete.

As on the OBS API's pages; appending as on that of AppendObject (obs_04_0088).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Response
from handler.emulator.obs.bucket import ObjectVersion, etag_of
from handler.emulator.obs.conditional_get import read
from handler.emulator.obs.limits import METADATA
from handler.emulator.obs.notifications import Notification
from handler.emulator.obs.xml_responses import refused
from handler.emulator.state.changes import DataAppended, ObjectPut, VersionRemoved

if TYPE_CHECKING:
    from handler.emulator.obs.request_context import ObsCall

_COPIES = ("x-obs-copy-source", "x-amz-copy-source")
_DAY = 86_400
_POSITION = re.compile(r"[0-9]{1,18}")


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
    if int(position) != (len(current.data) if current else 0):
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
            )
        )
