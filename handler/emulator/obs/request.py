"""One request to OBS: the bucket and object that it addresses, and the limits of OBS.

Path style has the bucket in the path (`/bucket/key`), virtual-host style in the host's first label
(`bucket.obs.localhost`). An address such as 127.0.0.1 has no labels, so it is path style.

The limits are from the OBS API's pages for CreateBucket (obs_04_0021), PutObject (obs_04_0080) and
AppendObject (obs_04_0088), and its list of error codes (obs_04_0115).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from handler.emulator.obs.xml_responses import refused
from handler.emulator.operation import Deviations

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request
    from handler.emulator.obs.bucket import Bucket
    from handler.emulator.operation import EmulatorContext

_SERVICE_LABELS = frozenset({"obs", "ief", "localhost"})

_LONGEST_KEY = 1024
"""Bytes of a key in UTF-8."""

LARGEST_METADATA = 8 * 1024
"""Bytes of the names and values of an object's own metadata."""

METADATA = ("x-obs-meta-", "x-amz-meta-")
"""Prefixes of the headers that carry an object's own metadata."""

_BUCKET = re.compile(r"(?!.*(?:\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Address:
    """The bucket and object that a request addresses.

    Attributes:
        bucket: The bucket's name; "" for the service itself.
        key: The object's key, decoded; "" for the bucket itself.
        resource: Bucket and path as they are signed.
    """

    bucket: str
    key: str
    resource: str


def locate(request: Request) -> Address:
    """Return the bucket and the key that a request names."""
    bucket = host_bucket(request)
    if bucket:
        return Address(bucket, unquote(request.path[1:]), f"/{bucket}{request.path}")
    bucket, _, key = request.path[1:].partition("/")
    return Address(unquote(bucket), unquote(key), request.path)


def host_bucket(request: Request) -> str:
    """Return the bucket that the Host header names; "" if it names the service."""
    host = request.header("Host").rpartition("]")[0] or request.header("Host").partition(":")[0]
    try:
        ipaddress.ip_address(host.lstrip("["))
    except ValueError:
        label, _, rest = host.partition(".")
        return label if rest and label not in _SERVICE_LABELS else ""
    return ""


def is_bucket_name(name: str) -> bool:
    """Return whether a bucket name is valid: 3 to 63 characters, no IP address, no `..`."""
    if not _BUCKET.fullmatch(name):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False


def check_limits(call: ObsCall, largest_object: int) -> None:
    """Check a request against the limits; an object has `largest_object` bytes at most.

    Raises:
        RefusedError: It exceeds a limit.
    """
    if len(call.address.key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        raise refused("KeyTooLong", call.address)
    if len(call.request.body) > largest_object:
        raise refused("EntityTooLarge", call.address)
    own = (
        len(name) - len(METADATA[0]) + len(value.encode("utf-8", "surrogatepass"))
        for name, value in call.request.headers
        if name.lower().startswith(METADATA)
    )
    if sum(own) > LARGEST_METADATA:
        raise refused("MetadataTooLarge", call.address)


@dataclass(frozen=True)
class ObsCall:
    """A request with a valid signature, executed under the state's lock."""

    context: EmulatorContext
    request: Request
    address: Address
    deviations: Deviations = field(default_factory=Deviations)

    @property
    def bucket(self) -> Bucket:
        """The bucket.

        Raises:
            RefusedError: It does not exist.
        """
        bucket = self.context.state.bucket(self.address.bucket)
        if bucket is None:
            raise refused("NoSuchBucket", self.address)
        return bucket

    def new_version_id(self) -> str:
        """Return a version id for the next write."""
        return self.bucket.new_version_id(self.context.state.new_id())
