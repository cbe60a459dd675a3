"""The bucket and object that a request to OBS addresses, in path or virtual-host style.

Path style has the bucket in the path (`/bucket/key`), virtual-host style in the host's first label
(`bucket.obs.localhost`). An address such as 127.0.0.1 has no labels, so it is path style.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request

_SERVICE_LABELS = frozenset({"obs", "ief", "localhost"})


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
