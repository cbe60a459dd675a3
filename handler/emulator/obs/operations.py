"""The operations of the Object Storage Service on objects and buckets."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from handler.emulator.http.messages import Request, Response
from handler.emulator.obs import bucket_operations, object_operations, signature
from handler.emulator.obs.request import ObsCall, check_limits, locate
from handler.emulator.obs.xml_responses import failure, refused, spelled_both_ways
from handler.emulator.operation import Deviations, EmulatorContext, Execute, Operation

_Carry = Callable[[ObsCall], Response]

_MODIFIERS = frozenset({"versionid", "position", "attname"})


def find(request: Request, context: EmulatorContext) -> Operation:
    """Return the operation that a request's method, host, path and sub-resource name."""
    address = locate(request)
    level = "object" if address.key else "bucket" if address.bucket else "service"
    asked = (request.method, level, _sub_resource(request))
    name, carry = _OPERATIONS.get(asked, ("Unknown", _not_allowed))
    return Operation(name, partial(_checked, carry, ObsCall(context, request, address)), failure)


def _sub_resource(request: Request) -> str:
    """Return the sub-resource that a query names, "" if it names none."""
    return "+".join(
        name
        for name in sorted(request.parameters)
        if name.lower() in signature.SUB_RESOURCES
        and name.lower() not in _MODIFIERS
        and not name.startswith("response-")
    )


def _checked(carry: _Carry, call: ObsCall, deviations: Deviations) -> Execute:
    context, call = call.context, replace(call, deviations=deviations)
    account = context.credential_issuer.account_of(signature.access_key(call.request))
    signature.check(call.request, call.address, account, context.clock(), context.signature_seconds)
    if (call.address.bucket, call.address.key) in context.state.denied:
        raise refused("AccessDenied", call.address)
    check_limits(call, context.largest_object)
    _check_digest(call)

    def execute() -> Response:
        with call.context.state.lock:
            response = carry(call)
        return replace(response, headers=spelled_both_ways(response.headers))

    return execute


def _check_digest(call: ObsCall) -> None:
    stated = call.request.header("Content-MD5")
    actual = hashlib.md5(call.request.body, usedforsecurity=False).digest()
    if stated and stated != base64.b64encode(actual).decode():
        raise refused("BadDigest", call.address)


def _not_allowed(call: ObsCall) -> Response:
    raise refused("MethodNotAllowed", call.address)


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
"""The names of all operations."""
