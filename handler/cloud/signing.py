"""Signs requests with the SDK core's signer (SDK-HMAC-SHA256).

Source: the signing guide of API requests (support.huaweicloud.com/api-ief, "AK/SK
authentication"), and `huaweicloudsdkcore.signer.signer`.
"""

from __future__ import annotations

from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from handler.cloud.http_transport import Request
from handler.values.canonical_json import timestamp
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.cloud.credentials import Credentials


class SignedCall(NamedTuple):
    """A request before it is signed; its path is not yet encoded, its body UTF-8 JSON."""

    method: str
    endpoint: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


def sign(call: SignedCall, credentials: Credentials, at: datetime) -> Request:
    """Return the call as a signed request, dated `at` (aware).

    The signer signs the headers that are set before, the security token included. The content type
    must be JSON; with another one the body would not be signed.

    Raises:
        CredentialsError: There are no keys.
    """
    credentials.require()
    parts = urlsplit(call.endpoint)
    token = {"X-Security-Token": credentials.token} if credentials.token else {}
    request = SdkRequest(
        method=call.method,
        schema=parts.scheme,
        host=parts.netloc,
        resource_path=quote(call.path, safe="/~"),  # the signer does not encode it
        query_params=list(call.query),
        header_params={
            "Content-Type": "application/json",
            "X-Sdk-Date": at.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ"),
            **token,
            **call.headers,
        },
        body=call.body,
    )
    signed = Signer(credentials).sign(request)
    return Request(
        method=call.method,
        url=f"{call.endpoint}{signed.uri}",
        headers=dict(signed.header_params),
        body=call.body,
        date=timestamp(at),
    )
