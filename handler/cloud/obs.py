"""Objects in OBS: read, write, append to and remove them, with OBS's own header signature.

Source: support.huaweicloud.com/api-obs, "Authentication of signature in a header": HMAC-SHA1 over
method, MD5, content type, date, `x-obs-` headers and resource; and
"Appending an object" (obs_04_0088).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from handler.canonical import timestamp
from handler.cloud.obs_listing import listing_of
from handler.cloud.transport import MAX_ANSWER_BYTES, Request
from handler.errors import ApiError, NoAnswerError, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from handler.cloud.credentials import Credentials
    from handler.cloud.obs_listing import ListedObject, ObjectPage
    from handler.cloud.transport import Answer, Transport

_PAGE = 1000
_ERROR_BYTES = 8192
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,64})</Code>")
_NOTHING_THERE = 416
_LOST_RACE = "PositionNotEqualToLength"
_ADDRESS = re.compile(r"[0-9.]+|localhost|.*:.*")
_LOCK = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    "<DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention>"
    "</Rule></ObjectLockConfiguration>"
)
_FINAL = {
    "AccessDenied": "the function's agency may not do this; allow it on the bucket",
    "NoSuchKey": "there is no such object; it may have been removed since",
    "NoSuchBucket": "there is no such bucket",
    "ObjectNotAppendable": "it cannot be appended to: it was put, or appended to 10,000 times",
}
"""What another try will not change, by OBS's error codes; anything else may pass."""


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and what OBS says of them."""

    data: bytes = field(repr=False)
    etag: str
    version_id: str


@dataclass(frozen=True)
class Told:
    """What OBS says along with what was asked for.

    Attributes:
        date: The answer's `Date`, OBS's clock in whole seconds; "" if there was none.
        data: Bytes of an object, where any were asked for.
        done: Whether what was asked for was done.
    """

    date: str
    data: bytes = field(default=b"", repr=False)
    done: bool = True


@dataclass(frozen=True)
class Obs:
    """OBS, called with one invocation's credentials.

    Attributes:
        endpoint: Scheme and host; a bucket is a sub-domain of it, or the first part of the path
            where the host is an address.
        credentials: The keys.
        transport: What sends.
        clock: The time for signatures, aware UTC.
    """

    endpoint: str
    credentials: Credentials
    transport: Transport
    clock: Callable[[], datetime]

    def read(self, bucket: str, key: str, *, max_bytes: int) -> StoredObject:
        """Return the current version of an object.

        Raises:
            ObjectError: It is missing, not readable for this agency, or larger than `max_bytes`.
            CloudError: OBS could not be asked; another try may succeed.
        """
        target = _Target("GET", bucket, key)
        # An error's text is read whole, however small an object may be.
        answer = self._call(target, max(max_bytes, _ERROR_BYTES))
        if answer.cut or len(answer.body) > max_bytes:
            raise ObjectError(
                f"{target.place} is larger than {max_bytes} bytes (NIGHTDROP_MAX_SPEC_BYTES)"
            )
        _check_length(answer, target.place)
        return StoredObject(
            data=answer.body,
            etag=answer.headers.get("etag", "").strip('"'),
            version_id=answer.headers.get("x-obs-version-id", ""),
        )

    def write(self, bucket: str, key: str, data: bytes, *, content_type: str) -> None:
        """Write a small object, replacing what is there.

        Raises:
            ObjectError: The bucket is missing or not writable for this agency.
            CloudError: OBS could not be asked, or no answer came.
        """
        self._call(_Target("PUT", bucket, key, data, content_type))

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is not there is no error.

        Raises:
            ObjectError: The bucket is missing, or the agency may not delete in it.
            CloudError: OBS could not be asked, or no answer came.
        """
        self._call(_Target("DELETE", bucket, key))

    def lock(self, bucket: str, days: int) -> None:
        """Have OBS keep every version written from now on unchanged for some days.

        The bucket must keep versions. Source: SetBucketObjectLock (obs_04_0167); it cannot be
        switched off again, and appends to the bucket are refused from then on.

        Raises:
            ObjectError: The bucket is missing, or these keys may not do this.
            CloudError: OBS refuses, could not be asked, or no answer came.
        """
        body = _LOCK.format(days=days).encode()
        self._call(
            _Target("PUT", bucket, "", body, digest=_digest(body), sub_resource="object-lock")
        )

    def append(self, bucket: str, key: str, position: int, data: bytes) -> Told:
        """Append to an object that is `position` bytes long; at position 0 this creates it.

        Returns:
            Not `done` if the object has another length; nothing was appended then.

        Raises:
            ObjectError: The object cannot be appended to, or not by this agency.
            CloudError: OBS could not be asked, or no answer came.
        """
        target = _Target(
            "POST",
            bucket,
            key,
            data,
            digest=_digest(data),
            sub_resource=f"append&position={position}",
        )
        answer = self.transport.send(self._signed(target))
        date = answer.headers.get("date", "")
        if _code(answer) == _LOST_RACE:
            return Told(date, done=False)
        _checked(answer, target.place)
        return Told(date)

    def read_from(self, bucket: str, key: str, first: int, *, max_bytes: int) -> Told | None:
        """Return the bytes of an object from one on, None if there is no such object.

        Args:
            bucket: The bucket.
            key: The object's key.
            first: The first byte; a negative number counts from the end.
            max_bytes: The most that is read.

        Raises:
            ObjectError: It is larger, or not readable for this agency.
            CloudError: OBS could not be asked, or no whole answer came.
        """
        ranges = {"Range": f"bytes={first}-" if first >= 0 else f"bytes={first}"} if first else {}
        target = _Target("GET", bucket, key, headers=ranges)
        limit = max(max_bytes, _ERROR_BYTES)
        answer = self.transport.send(self._signed(target), max_bytes=limit)
        date = answer.headers.get("date", "")
        if answer.status == _NOTHING_THERE:
            return Told(date)
        if _code(answer) == "NoSuchKey":
            return None
        _checked(answer, target.place)
        if answer.cut or len(answer.body) > max_bytes:
            raise ObjectError(f"{target.place} is larger than {max_bytes} bytes")
        _check_length(answer, target.place)
        whole = answer.status == 200  # noqa: PLR2004 - not 206: the range was not looked at
        return Told(date, answer.body[first:] if whole else answer.body)

    def list_objects(self, bucket: str, prefix: str) -> Iterator[ListedObject]:
        """Yield the bucket's objects under a prefix, in the order of their keys.

        Raises:
            ObjectError: The bucket is missing, or may not be listed by this agency.
            CloudError: OBS could not be asked, or its answer cannot be read.
        """
        for page in self.list_pages(bucket, prefix):
            yield from page.objects

    def list_pages(self, bucket: str, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """Yield the same, one page per request, from the first key behind `after` on.

        Raises:
            ObjectError: The bucket is missing, or may not be listed by this agency.
            CloudError: OBS could not be asked, or its answer cannot be read.
        """
        marker = after
        while True:
            query = {"prefix": prefix, "marker": marker, "max-keys": str(_PAGE)}
            given = urlencode(
                {name: value for name, value in query.items() if value}, quote_via=quote
            )
            page = listing_of(self._call(_Target("GET", bucket, "", query=given)).body)
            yield page
            if not page.truncated or not page.objects:
                return
            marker = page.objects[-1].key

    def _call(self, target: _Target, max_bytes: int = MAX_ANSWER_BYTES) -> Answer:
        answer = self.transport.send(self._signed(target), max_bytes=max_bytes)
        return _checked(answer, target.place)

    def _signed(self, target: _Target) -> Request:
        self.credentials.require()
        at = self.clock()
        headers = {"x-obs-date": format_datetime(at, usegmt=True)}
        if self.credentials.token:
            headers["x-obs-security-token"] = self.credentials.token
        resource = f"/{target.bucket}/{target.encoded_key}"
        if target.sub_resource:
            resource = f"{resource}?{target.sub_resource}"
        extra = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        about = f"{target.method}\n{target.digest}\n{target.content_type}\n"
        to_sign = f"{about}\n{extra}{resource}"
        mac = hmac.new(self.credentials.sk.encode(), to_sign.encode(), hashlib.sha1)
        signature = base64.b64encode(mac.digest()).decode()
        headers["Authorization"] = f"OBS {self.credentials.ak}:{signature}"
        described = {"Content-Type": target.content_type, "Content-MD5": target.digest}
        headers |= {name: value for name, value in described.items() if value}
        headers.update(target.headers)
        url = f"{self._bucket_url(target.bucket)}/{target.encoded_key}"
        if target.query or target.sub_resource:
            url = f"{url}?{target.query or target.sub_resource}"
        return Request(target.method, url, headers, target.body, timestamp(at))

    def _bucket_url(self, bucket: str) -> str:
        parts = urlsplit(self.endpoint)
        if _ADDRESS.fullmatch(parts.hostname or ""):
            return f"{self.endpoint}/{bucket}"
        return f"{parts.scheme}://{bucket}.{parts.netloc}"


@dataclass(frozen=True)
class _Target:
    method: str
    bucket: str
    key: str
    body: bytes = b""
    content_type: str = ""
    query: str = ""
    digest: str = ""
    sub_resource: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"obs://{self.bucket}/{self.key}"

    @property
    def encoded_key(self) -> str:
        return quote(self.key, safe="/~")


def _checked(answer: Answer, place: str) -> Answer:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the class of successful answers
        return answer
    if answer.status >= 500:  # noqa: PLR2004 - trouble on the service's side
        raise NoAnswerError(f"{place}: OBS answered {answer.status}")
    code = _code(answer)
    if code in _FINAL:
        raise ObjectError(f"{place}: {_FINAL[code]}", code=code)
    raise ApiError(f"{place}: OBS answered {answer.status} {code}", status=answer.status, code=code)


def _code(answer: Answer) -> str:
    """Return OBS's code in an error's text, "" if there is none."""
    found = _CODE.search(answer.body) if answer.status >= 400 else None  # noqa: PLR2004 - errors
    return found.group(1).decode() if found else ""


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _check_length(answer: Answer, place: str) -> None:
    # Cut off within its headers an answer looks like an empty object.
    if not answer.headers.keys() & {"content-length", "transfer-encoding"}:
        raise NoAnswerError(f"{place}: OBS did not say how much there is to read")
