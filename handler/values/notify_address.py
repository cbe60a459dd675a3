"""Where notices go: a topic of SMN, or a webhook.

Source: support.huaweicloud.com/api-smn, "Publishing a message": a topic's URN is
`urn:smn:<region>:<project>:<topic>`.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

from handler.values.endpoint import checked_endpoint
from handler.values.named_tuple import NamedTuple

_TOPIC = re.compile(
    r"urn:smn:(?P<region>[a-z0-9-]{2,40}):(?P<project>[0-9a-f]{32}):[A-Za-z0-9][A-Za-z0-9_-]{0,254}"
)
_KEY_PREFIX, _SHORTEST_KEY = "whsec_", 24
_URL = re.compile(r"https?://[!-~]{1,2040}")


class Topic(NamedTuple):
    """A topic of SMN, by its URN, and the region and the project that it is in."""

    urn: str
    region: str
    project: str


def topic_of(address: str) -> Topic | None:
    """Return the topic that an address names; None for a webhook."""
    found = _TOPIC.fullmatch(address)
    return Topic(address, found["region"], found["project"]) if found else None


def checked_notify_address(text: str) -> str:
    """Return the address of a topic or of a webhook.

    Raises:
        ValueError: It is neither. It is not quoted, since a webhook's path may be a secret.
    """
    if topic_of(text):
        return text
    if not _URL.fullmatch(text):
        raise ValueError("must be urn:smn:region:project:topic, or a webhook's https:// address")
    parts = urlsplit(text)
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("must have no user name and no #: NIGHTDROP_NOTIFY_KEY signs what is sent")
    checked_endpoint(f"{parts.scheme}://{parts.netloc}")
    return text


def shown_address(address: str) -> str:
    """Return what may be shown of an address: the topic, or the host of a webhook."""
    return address if topic_of(address) else f"the webhook at {urlsplit(address).hostname}"


def checked_webhook_key(text: str) -> str:
    """Return the text of a webhook's key.

    Raises:
        ValueError: It is not one; it is not quoted.
    """
    if len(webhook_key(text)) < _SHORTEST_KEY:
        raise ValueError("must be whsec_ and at least 24 random bytes in base64")
    return text


def webhook_key(text: str) -> bytes:
    """Return the bytes of a webhook's key, as Standard Webhooks writes it; b"" if it is none."""
    try:
        key = base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return key if text.startswith(_KEY_PREFIX) else b""
