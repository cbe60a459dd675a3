"""The operations of the Object Storage Service: objects, and as much of buckets as they need."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from handler.emulator.http.messages import Request, Response
from handler.emulator.obs import bucket_operations, object_operations, signature
from handler.emulator.obs.addressing import locate
from handler.emulator.obs.limits import check_limits
from handler.emulator.obs.request_context import Call
from handler.emulator.obs.xml_responses import failure, refused, spelled_both_ways
from handler.emulator.operation import Commit, Operation, Quirks, Site

_Carry = Callable[[Call], Response]

_MODIFIERS = frozenset({"versionid", "position", "attname"})


def find(request: Request, site: Site) -> Operation:
    """Return the operation that a request's method, host, path and sub-resource name."""
    place = locate(request)
    level = "object" if place.key else "bucket" if place.bucket else "service"
    asked = (request.method, level, _sub_resource(request))
    name, carry = _OPERATIONS.get(asked, ("Unknown", _not_allowed))
    return Operation(name, partial(_checked, carry, Call(site, request, place)), failure)


def _sub_resource(request: Request) -> str:
    """Return what of the bucket or object a query is about, "" if it is about itself."""
    return "+".join(
        name
        for name in sorted(request.parameters)
        if name.lower() in signature.SUB_RESOURCES
        and name.lower() not in _MODIFIERS
        and not name.startswith("response-")
    )


def _checked(carry: _Carry, call: Call, _quirks: Quirks) -> Commit:
    site = call.site
    account = site.agency.account_of(signature.access_key(call.request))
    signature.check(call.request, call.place, account, site.clock(), site.signature_seconds)
    if (call.place.bucket, call.place.key) in site.state.denied:
        raise refused("AccessDenied", call.place)
    check_limits(call, site.largest_object)
    _check_digest(call)

    def commit() -> Response:
        with call.site.state.lock:
            response = carry(call)
        return replace(response, headers=spelled_both_ways(response.headers))

    return commit


def _check_digest(call: Call) -> None:
    stated = call.request.header("Content-MD5")
    actual = hashlib.md5(call.request.body, usedforsecurity=False).digest()
    if stated and stated != base64.b64encode(actual).decode():
        raise refused("BadDigest", call.place)


def _not_allowed(call: Call) -> Response:
    raise refused("MethodNotAllowed", call.place)


_OPERATIONS: dict[tuple[str, str, str], tuple[str, _Carry]] = {
    ("GET", "object", ""): ("GetObject", object_operations.get_object),
    ("HEAD", "object", ""): ("HeadObject", object_operations.get_object),
    ("PUT", "object", ""): ("PutObject", object_operations.put_object),
    ("POST", "object", "append"): ("AppendObject", object_operations.append_object),
    ("DELETE", "object", ""): ("DeleteObject", object_operations.delete_object),
    ("GET", "bucket", ""): ("ListObjects", bucket_operations.list_objects),
    ("GET", "bucket", "versions"): ("ListVersions", bucket_operations.list_versions),
    ("GET", "bucket", "versioning"): ("GetBucketVersioning", bucket_operations.get_versioning),
    ("PUT", "bucket", "versioning"): ("SetBucketVersioning", bucket_operations.set_versioning),
    ("PUT", "bucket", "object-lock"): ("SetBucketObjectLock", bucket_operations.set_lock),
    ("HEAD", "bucket", ""): ("HeadBucket", bucket_operations.head_bucket),
    ("PUT", "bucket", ""): ("CreateBucket", bucket_operations.create_bucket),
    ("GET", "service", ""): ("ListBuckets", bucket_operations.list_buckets),
}

NAMES = frozenset(name for name, _ in _OPERATIONS.values())
"""The operations there are."""
