"""Environment variables with their origins."""

from __future__ import annotations

from handler.values.named_tuple import NamedTuple

KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")
"""Environment variables with the keys that the SDK signs with."""


class Value(NamedTuple):
    """The value of an environment variable, and where it comes from, such as `environment`."""

    text: str
    origin: str
