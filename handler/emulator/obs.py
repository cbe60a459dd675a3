"""The operations of the Object Storage Service: objects, and as much of buckets as they need."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial

from handler.emulator import obs_signature
from handler.emulator.obs_answers import bucket_list, failure, object_list, refused
from handler.emulator.obs_listing import list_objects
from handler.emulator.obs_place import Place, locate
from handler.emulator.operation import Commit, Operation, Quirks, Site
from handler.emulator.state import StoredObject
from handler.emulator.wire import Request, Response

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_METADATA = ("x-obs-meta-", "x-amz-meta-")


@dataclass(frozen=True)
class _Call:
    site: Site
    request: Request
    place: Place

    @property
    def bucket(self) -> dict[str, StoredObject]:
        """The bucket's objects; to be used under the lock."""
        try:
            return self.site.state.buckets[self.place.bucket]
        except KeyError:
            raise refused("NoSuchBucket", self.place) from None


_Carry = Callable[[_Call], Response]


def find(request: Request, site: Site) -> Operation:
    """Return the operation that a request's method, host and path name."""
    place = locate(request)
    level = "object" if place.key else "bucket" if place.bucket else "service"
    name, carry = _OPERATIONS.get((request.method, level), ("Unknown", _not_allowed))
    return Operation(name, partial(_checked, carry, _Call(site, request, place)), failure)


def _checked(carry: _Carry, call: _Call, _quirks: Quirks) -> Commit:
    site = call.site
    obs_signature.check(
        call.request, call.place, site.account, site.clock(), site.signature_seconds
    )
    if (call.place.bucket, call.place.key) in site.state.denied:
        raise refused("AccessDenied", call.place)
    _check_digest(call)

    def commit() -> Response:
        with call.site.state.lock:
            return carry(call)

    return commit


def _check_digest(call: _Call) -> None:
    stated = call.request.header("Content-MD5")
    actual = hashlib.md5(call.request.body, usedforsecurity=False).digest()
    if stated and stated != base64.b64encode(actual).decode():
        raise refused("BadDigest", call.place)


def _get_object(call: _Call) -> Response:
    stored = call.bucket.get(call.place.key)
    if stored is None:
        raise refused("NoSuchKey", call.place)
    headers = {
        "Content-Type": stored.content_type,
        "ETag": f'"{stored.etag}"',
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        **{f"x-obs-meta-{name}": value for name, value in stored.metadata},
    }
    return Response(200, stored.data, headers)


def _put_object(call: _Call) -> Response:
    stored = StoredObject(
        call.request.body,
        call.site.clock(),
        call.request.header("Content-Type") or "binary/octet-stream",
        tuple(
            (name[len(_METADATA[0]) :].lower(), value)
            for name, value in call.request.headers
            if name.lower().startswith(_METADATA)
        ),
    )
    call.bucket[call.place.key] = stored
    return Response(200, headers={"ETag": f'"{stored.etag}"'})


def _delete_object(call: _Call) -> Response:
    call.bucket.pop(call.place.key, None)
    return Response(204)


def _list_objects(call: _Call) -> Response:
    try:
        listing = list_objects(call.place.bucket, call.bucket, call.request.parameters)
    except ValueError as error:
        raise refused("InvalidArgument", call.place) from error
    return object_list(listing)


def _head_bucket(call: _Call) -> Response:
    return Response(200, headers={"x-obs-object-count": str(len(call.bucket))})


def _create_bucket(call: _Call) -> Response:
    if not _BUCKET.fullmatch(call.place.bucket):
        raise refused("InvalidBucketName", call.place)
    call.site.state.buckets.setdefault(call.place.bucket, {})
    return Response(200, headers={"Location": f"/{call.place.bucket}"})


def _list_buckets(call: _Call) -> Response:
    return bucket_list(sorted(call.site.state.buckets))


def _not_allowed(call: _Call) -> Response:
    raise refused("MethodNotAllowed", call.place)


_OPERATIONS: dict[tuple[str, str], tuple[str, _Carry]] = {
    ("GET", "object"): ("GetObject", _get_object),
    ("HEAD", "object"): ("HeadObject", _get_object),
    ("PUT", "object"): ("PutObject", _put_object),
    ("DELETE", "object"): ("DeleteObject", _delete_object),
    ("GET", "bucket"): ("ListObjects", _list_objects),
    ("HEAD", "bucket"): ("HeadBucket", _head_bucket),
    ("PUT", "bucket"): ("CreateBucket", _create_bucket),
    ("GET", "service"): ("ListBuckets", _list_buckets),
}

NAMES = frozenset(name for name, _ in _OPERATIONS.values())
"""The operations there are."""
