"""OBS's operations on a bucket: make and list it, its versioning and its lock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Response
from handler.emulator.obs.bucket import ENABLED
from handler.emulator.obs.limits import is_bucket_name
from handler.emulator.obs.list_objects import list_objects as page_of_objects
from handler.emulator.obs.list_versions import list_versions as page_of_versions
from handler.emulator.obs.xml_responses import (
    bucket_list,
    object_list,
    refused,
    version_list,
    versioning_status,
)
from handler.emulator.state.changes import BucketMade, LockSet, VersioningSet

if TYPE_CHECKING:
    from handler.emulator.obs.request_context import Call

_DAYS = re.compile(rb"<Days>([0-9]{1,5})</Days>")
_MODE = b"<Mode>COMPLIANCE</Mode>"
_MOST_DAYS = 36_500
_STATUS = re.compile(rb"<Status>\s*(Enabled|Suspended)\s*</Status>")


def list_buckets(call: Call) -> Response:
    """Answer ListBuckets."""
    return bucket_list(sorted(call.site.state.buckets))


def create_bucket(call: Call) -> Response:
    """Answer CreateBucket; making one's own bucket again changes nothing."""
    if not is_bucket_name(call.place.bucket):
        raise refused("InvalidBucketName", call.place)
    if call.place.bucket not in call.site.state.buckets:
        call.site.state.change(BucketMade(call.place.bucket))
    return Response(200, headers={"Location": f"/{call.place.bucket}"})


def head_bucket(call: Call) -> Response:
    """Answer HeadBucket."""
    return Response(200, headers={"x-obs-object-count": str(len(call.shelf.objects))})


def list_objects(call: Call) -> Response:
    """Answer ListObjects."""
    try:
        listing = page_of_objects(call.place.bucket, call.shelf.objects, call.request.parameters)
    except ValueError as error:
        raise refused("InvalidArgument", call.place) from error
    return object_list(listing)


def list_versions(call: Call) -> Response:
    """Answer ListVersions."""
    try:
        page = page_of_versions(call.place.bucket, call.shelf, call.request.parameters)
    except ValueError as error:
        raise refused("InvalidArgument", call.place) from error
    return version_list(page)


def get_versioning(call: Call) -> Response:
    """Answer GetBucketVersioning; it names no status where none was ever set."""
    return versioning_status(call.shelf.versioning)


def set_versioning(call: Call) -> Response:
    """Answer SetBucketVersioning; it can be suspended, but not taken away again."""
    shelf, status = call.shelf, _STATUS.search(call.request.body)
    if not status:
        raise refused("MalformedXML", call.place)
    if shelf.locked_days and status[1].decode() != ENABLED:
        raise refused("InvalidBucketState", call.place)
    if shelf.versioning != status[1].decode():
        call.site.state.change(VersioningSet(call.place.bucket, status[1].decode()))
    return Response(200)


def set_lock(call: Call) -> Response:
    """Answer SetBucketObjectLock, by its page (obs_04_0167): versioning must be on before.

    Which code it is refused with otherwise is not documented.
    """
    days = _DAYS.search(call.request.body)
    if not days or _MODE not in call.request.body or not 0 < int(days[1]) <= _MOST_DAYS:
        raise refused("MalformedXML", call.place)
    if call.shelf.versioning != ENABLED:
        raise refused("InvalidBucketState", call.place)
    call.site.state.change(LockSet(call.place.bucket, int(days[1])))
    return Response(200)
