"""Signs requests to OBS in a header.

Source: support.huaweicloud.com/api-obs, "Authentication of signature in a header": HMAC-SHA1 over
method, MD5, content type, date, `x-obs-` headers and resource.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from email.utils import format_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from handler.cloud.http_transport import Request
from handler.values.canonical_json import timestamp
from handler.values.display import display
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from handler.cloud.credentials import Credentials

_ADDRESS = re.compile(r"[0-9.]+|localhost|.*:.*")


class SignedTarget(NamedTuple):
    """A request for a bucket or an object, before it is signed; the key is not yet encoded.

    `digest` is the MD5 of the body in base64, or "". Of the query only `sub_resource` is signed;
    `headers` are not.
    """

    method: str
    bucket: str
    key: str
    body: bytes = b""
    content_type: str = ""
    query: str = ""
    digest: str = ""
    sub_resource: str = ""
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def place(self) -> str:
        """Its address, for messages."""
        return f"obs://{self.bucket}/{display(self.key)}"

    @property
    def encoded_key(self) -> str:
        """The key, encoded for a URL."""
        return quote(self.key, safe="/~")

    def signed(self, endpoint: str, credentials: Credentials, at: datetime) -> Request:
        """Return the request, signed at a time in UTC.

        Raises:
            CredentialsError: There are no keys.
        """
        credentials.require()
        headers = {"x-obs-date": format_datetime(at, usegmt=True)}
        if credentials.token:
            headers["x-obs-security-token"] = credentials.token
        signature = self._signature(headers, credentials.sk)
        headers["Authorization"] = f"OBS {credentials.ak}:{signature}"
        described = {"Content-Type": self.content_type, "Content-MD5": self.digest}
        headers |= {name: value for name, value in described.items() if value}
        headers.update(self.headers)
        url = f"{_bucket_url(endpoint, self.bucket)}/{self.encoded_key}"
        if self.query or self.sub_resource:
            url = f"{url}?{self.query or self.sub_resource}"
        return Request(self.method, url, headers, self.body, timestamp(at))

    def _signature(self, headers: Mapping[str, str], secret_key: str) -> str:
        resource = f"/{self.bucket}/{self.encoded_key}"
        if self.sub_resource:
            resource = f"{resource}?{self.sub_resource}"
        extra = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        about = f"{self.method}\n{self.digest}\n{self.content_type}\n"
        to_sign = f"{about}\n{extra}{resource}"
        mac = hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha1)
        return base64.b64encode(mac.digest()).decode()


def _bucket_url(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    if _ADDRESS.fullmatch(parts.hostname or ""):
        return f"{endpoint}/{bucket}"
    return f"{parts.scheme}://{bucket}.{parts.netloc}"
