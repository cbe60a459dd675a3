"""OBS's operations on a bucket: create, list, versioning and lock."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from handler.emulator.http.messages import Response
from handler.emulator.obs import listing
from handler.emulator.obs.bucket import ENABLED
from handler.emulator.obs.request import is_bucket_name
from handler.emulator.obs.xml_responses import (
    bucket_list,
    object_list,
    refused,
    version_list,
    versioning_status,
)
from handler.emulator.state.changes import LockSet, VersioningSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.emulator.obs.bucket import Bucket
    from handler.emulator.obs.listing import Page
    from handler.emulator.obs.request import ObsCall

_DAYS = re.compile(rb"<Days>([0-9]{1,5})</Days>")
_MODE = b"<Mode>COMPLIANCE</Mode>"
_MOST_DAYS = 36_500
_STATUS = re.compile(rb"<Status>\s*(Enabled|Suspended)\s*</Status>")


def list_buckets(call: ObsCall) -> Response:
    """Answer ListBuckets."""
    return bucket_list(sorted(call.context.state.buckets))


def create_bucket(call: ObsCall) -> Response:
    """Answer CreateBucket; creating an existing bucket changes nothing."""
    if not is_bucket_name(call.address.bucket):
        raise refused("InvalidBucketName", call.address)
    call.context.state.create_bucket(call.address.bucket)
    return Response(200, headers={"Location": f"/{call.address.bucket}"})


def head_bucket(call: ObsCall) -> Response:
    """Answer HeadBucket."""
    return Response(200, headers={"x-obs-object-count": str(len(call.bucket.objects))})


def list_objects(call: ObsCall) -> Response:
    """Answer ListObjects."""
    page, lag = _page(call, listing.page_of_objects), call.deviations.stale_objects
    if lag:
        since = call.context.clock() - lag
        kept = [one for one in page.entries if not one.stored or one.stored.modified <= since]
        page = replace(page, entries=tuple(kept))
    return object_list(page)


def list_versions(call: ObsCall) -> Response:
    """Answer ListVersions."""
    return version_list(_page(call, listing.page_of_versions))


def _page(call: ObsCall, select: Callable[[str, Bucket, Mapping[str, str]], Page]) -> Page:
    try:
        return select(call.address.bucket, call.bucket, call.request.parameters)
    except ValueError as error:
        raise refused("InvalidArgument", call.address) from error


def get_versioning(call: ObsCall) -> Response:
    """Answer GetBucketVersioning; without a status if none was ever set."""
    return versioning_status(call.bucket.versioning)


def set_versioning(call: ObsCall) -> Response:
    """Answer SetBucketVersioning; it can be suspended but not removed."""
    bucket, status = call.bucket, _STATUS.search(call.request.body)
    if not status:
        raise refused("MalformedXML", call.address)
    if bucket.locked_days and status[1].decode() != ENABLED:
        raise refused("InvalidBucketState", call.address)
    if bucket.versioning != status[1].decode():
        call.context.state.change(VersioningSet(call.address.bucket, status[1].decode()))
    return Response(200)


def set_lock(call: ObsCall) -> Response:
    """Answer SetBucketObjectLock, by its page (obs_04_0167): versioning must be on before.

    The code of the refusal otherwise is not documented.
    """
    days = _DAYS.search(call.request.body)
    if not days or _MODE not in call.request.body or not 0 < int(days[1]) <= _MOST_DAYS:
        raise refused("MalformedXML", call.address)
    if call.bucket.versioning != ENABLED:
        raise refused("InvalidBucketState", call.address)
    call.context.state.change(LockSet(call.address.bucket, int(days[1])))
    return Response(200)
