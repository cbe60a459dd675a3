"""The limits of OBS on names, keys, sizes and metadata.

From the OBS API's pages for CreateBucket (obs_04_0021), PutObject (obs_04_0080) and AppendObject
(obs_04_0088), and its list of error codes (obs_04_0115).
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from handler.emulator.obs.xml_responses import refused

if TYPE_CHECKING:
    from handler.emulator.obs.request_context import ObsCall

LONGEST_KEY = 1024
"""Bytes of a key in UTF-8."""

LARGEST_METADATA = 8 * 1024
"""Bytes of the names and values of an object's own metadata."""

METADATA = ("x-obs-meta-", "x-amz-meta-")
"""Prefixes of the headers that carry an object's own metadata."""

_BUCKET = re.compile(r"(?!.*(?:\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


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
    """Check a request against the limits.

    Args:
        call: The request.
        largest_object: Bytes of an object at most.

    Raises:
        RefusedError: It exceeds a limit.
    """
    if len(call.address.key.encode("utf-8", "surrogatepass")) > LONGEST_KEY:
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
