"""OBS's operations on an object: read, put, append and delete.

As on the OBS API's pages; appending as on that of AppendObject (obs_04_0088).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Response
from handler.emulator.obs.conditional_get import read
from handler.emulator.obs.limits import METADATA
from handler.emulator.obs.notifications import Notice
from handler.emulator.obs.object_version import StoredObject, etag_of
from handler.emulator.obs.xml_responses import refused
from handler.emulator.state.changes import DataAppended, ObjectPut, VersionRemoved

if TYPE_CHECKING:
    from handler.emulator.obs.request_context import Call

_COPIES = ("x-obs-copy-source", "x-amz-copy-source")
_DAY = 86_400
_POSITION = re.compile(r"[0-9]{1,18}")


def get_object(call: Call) -> Response:
    """Answer GetObject and HeadObject, of the current object or of the version asked for."""
    shelf, key = call.shelf, call.place.key
    version_id = call.request.parameters.get("versionId", "")
    found = shelf.version(key, version_id) if version_id else shelf.objects.get(key)
    marker = found if found and found.deleted else None if version_id else shelf.marker(key)
    if marker:
        headers = {"x-obs-delete-marker": "true", "x-obs-version-id": marker.version_id}
        raise refused("MethodNotAllowed" if version_id else "NoSuchKey", call.place, headers)
    if found is None:
        raise refused("NoSuchVersion" if version_id else "NoSuchKey", call.place)
    return read(call.request, found, call.place, versioned=bool(shelf.versioning))


def put_object(call: Call) -> Response:
    """Answer PutObject."""
    if any(call.request.header(name) for name in _COPIES):
        raise refused("NotImplemented", call.place)
    stored = _written(call, appends=0)
    call.site.state.change(ObjectPut(call.place.bucket, call.place.key, stored))
    _notify(call, stored, "ObjectCreated:Put")
    return Response(200, headers=_answer_headers(call, stored))


def append_object(call: Call) -> Response:
    """Answer AppendObject.

    The first append makes the object, and in a bucket with versioning a version; further ones go to
    that version. The page leaves open how the entity tag of the whole object then is made: here it
    is the MD5 of all bytes.
    """
    bucket, key, data = call.place.bucket, call.place.key, call.request.body
    current = call.shelf.objects.get(key)
    position = call.request.parameters.get("position", "")
    if call.shelf.locked_days:
        raise refused("AccessDenied", call.place)
    if not _POSITION.fullmatch(position):
        raise refused("InvalidArgument", call.place)
    if current and not 0 < current.appends < call.site.most_appends:
        raise refused("ObjectNotAppendable", call.place)
    if len(data) + (len(current.data) if current else 0) > call.site.largest_object:
        raise refused("EntityTooLarge", call.place)
    if int(position) != (len(current.data) if current else 0):
        raise refused("PositionNotEqualToLength", call.place)
    if current:
        call.site.state.change(DataAppended(bucket, key, data, call.site.clock()))
    else:
        call.site.state.change(ObjectPut(bucket, key, _written(call, appends=1)))
    stored = call.shelf.objects[key]
    _notify(call, stored, "ObjectCreated:Post")
    next_position = {"x-obs-next-append-position": str(len(stored.data))}
    # The tag in this answer is that of the appended bytes alone, as the page says.
    own = {"ETag": f'"{etag_of(data)}"'}
    return Response(200, headers=_answer_headers(call, stored) | next_position | own)


def delete_object(call: Call) -> Response:
    """Answer DeleteObject, of the current object or of the version asked for."""
    shelf, state = call.shelf, call.site.state
    bucket, key = call.place.bucket, call.place.key
    version_id = call.request.parameters.get("versionId", "")
    if version_id:
        found = shelf.version(key, version_id)
        if found and found.locked_until > call.site.clock():
            raise refused("AccessDenied", call.place)
        state.change(VersionRemoved(bucket, key, version_id))
        headers = {"x-obs-version-id": version_id}
        return Response(204, headers=headers | _marked(found))
    if not shelf.versioning:
        state.change(VersionRemoved(bucket, key, None))
        return Response(204)
    marker = StoredObject(b"", call.site.clock(), version_id=call.new_version_id(), deleted=True)
    state.change(ObjectPut(bucket, key, marker))
    return Response(204, headers={"x-obs-version-id": marker.version_id} | _marked(marker))


def _marked(found: StoredObject | None) -> dict[str, str]:
    return {"x-obs-delete-marker": "true"} if found and found.deleted else {}


def _written(call: Call, *, appends: int) -> StoredObject:
    headers, now, days = call.request.headers, call.site.clock(), call.shelf.locked_days
    return StoredObject(
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


def _answer_headers(call: Call, stored: StoredObject) -> dict[str, str]:
    headers = {"ETag": f'"{stored.etag}"'} if not stored.appends else {}
    if call.shelf.versioning:
        headers["x-obs-version-id"] = stored.version_id
    return headers


def _notify(call: Call, stored: StoredObject, event_name: str) -> None:
    notices = call.site.notices
    if notices.wanted:
        notices.add(
            Notice(
                call.place.bucket,
                call.place.key,
                len(stored.data),
                stored.etag,
                stored.version_id,
                event_name,
                call.request.request_id,
            )
        )
