"""Checks the header signature of a request to OBS, in the OBS and the AWS spelling.

The string to sign is method, Content-MD5, Content-Type, Date, the sorted `x-obs-` (or `x-amz-`)
headers and the resource with the sub-resources of its query; it is signed with HMAC-SHA1. See
"Authentication of Signature in a Header" in the OBS API reference.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from handler.emulator.credentials import same
from handler.emulator.obs.xml_responses import refused

if TYPE_CHECKING:
    from handler.emulator.credentials import Account
    from handler.emulator.http.messages import Request
    from handler.emulator.obs.request import Address

_MAX_SKEW = 15 * 60.0
"""Seconds by which a request's date may differ from the service's clock."""

_SUB_RESOURCES = """
acl append attname backtosource cors customdomain delete deletebucket directcoldaccess
encryption inventory length lifecycle location logging metadata modify name notification
object-lock obscompresspolicy orchestration partnumber policy position quota rename replication
requestpayment response-cache-control response-content-disposition response-content-encoding
response-content-language response-content-type response-expires restore retention storageclass
storageinfo storagepolicy tagging torrent truncate uploadid uploads versionid versioning
versions website
"""
_AUTHORIZATION = re.compile(r"(OBS|AWS) ([^:\s]+):([A-Za-z0-9+/]{27}=)")
_PREFIXES = {"OBS": "x-obs-", "AWS": "x-amz-"}
SUB_RESOURCES = frozenset(_SUB_RESOURCES.split())
"""The parameters of a query that are signed as part of the resource; in lower case."""


def access_key(request: Request) -> str:
    """Return the access key of a request, "" if it has none."""
    match = _AUTHORIZATION.fullmatch(request.header("Authorization"))
    return match[2] if match else ""


def check(
    request: Request, address: Address, account: Account, now: float, max_skew: float = _MAX_SKEW
) -> None:
    """Check a request's signature; its date may differ from `now` by `max_skew` seconds.

    Expired temporary keys belong to no account; the code for them is not documented,
    InvalidAccessKeyId is used.

    Raises:
        RefusedError: The signature is missing, wrong, or its date is too far from `now`.
    """
    match = _AUTHORIZATION.fullmatch(request.header("Authorization"))
    if not match:
        raise refused("AccessDenied", address)
    prefix = _PREFIXES[match[1]]
    if not same(match[2], account.access_key):
        raise refused("InvalidAccessKeyId", address)
    if not same(request.header(f"{prefix}security-token"), account.security_token):
        raise refused("InvalidSecurityToken", address)
    if not same(match[3], sign(_string_to_sign(request, address, prefix), account)):
        raise refused("SignatureDoesNotMatch", address)
    date = _date(request.header(f"{prefix}date") or request.header("Date"))
    if date is None:
        raise refused("AccessDenied", address)
    if abs(now - date) > max_skew:
        raise refused("RequestTimeTooSkewed", address)


def sign(string_to_sign: str, account: Account) -> str:
    """Return the signature of a string in base64, signed with the account's secret key."""
    digest = hmac.new(account.secret_key.encode(), string_to_sign.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _string_to_sign(request: Request, address: Address, prefix: str) -> str:
    date = "" if request.header(f"{prefix}date") else request.header("Date")
    return "\n".join(
        [
            request.method,
            request.header("Content-MD5"),
            request.header("Content-Type"),
            date,
            *_service_headers(request, prefix),
            address.resource + _sub_resources(request),
        ]
    )


def _service_headers(request: Request, prefix: str) -> list[str]:
    names = sorted({name.lower() for name, _ in request.headers if name.lower().startswith(prefix)})
    return [f"{name}:{','.join(one.strip() for one in request.values(name))}" for name in names]


def _sub_resources(request: Request) -> str:
    chosen = sorted(
        (name, value)
        for name, value in request.parameters.items()
        if name.lower() in SUB_RESOURCES or name.lower().startswith(("x-obs-", "x-image-"))
    )
    spelled = "&".join(f"{name}={value}" if value else name for name, value in chosen)
    return f"?{spelled}" if spelled else ""


def _date(text: str) -> float | None:
    """Parse RFC 1123, compact ISO 8601, and the format of huaweicloudsdkobs."""
    for pattern in ("%Y%m%dT%H%M%SZ", "%a %b %d %Y %H:%M:%S GMT"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
