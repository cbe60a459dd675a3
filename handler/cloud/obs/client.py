"""Client of OBS: read, write, append to, list and delete objects.

Source: support.huaweicloud.com/api-obs, among others "Appending an object" (obs_04_0088).
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from handler.cloud.http_transport import MAX_ANSWER_BYTES
from handler.cloud.obs.signing import SignedTarget
from handler.cloud.redaction import UNREADABLE, redact, secrets_of
from handler.errors import ApiError, NoAnswerError, ObjectError
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from handler.cloud.credentials import Credentials
    from handler.cloud.http_transport import Answer, Transport
    from handler.cloud.ief.client import Ief
    from handler.cloud.obs.listing import ListedObject, ObjectPage
    from handler.runtime.deadline import Deadline

_PAGE = 1000
_ERROR_BYTES = 8192
_LISTED_BYTES = 8 * 1024 * 1024  # of 1,000 keys with 1,024 characters that are escaped
_CODE = re.compile(rb"<Code>([^<]{1,256})</Code>")
_CODE_FORM = re.compile(r"[A-Z][A-Za-z]{2,63}")
_TAG = re.compile(r"[!-~]{0,128}")
_VERSION = re.compile(r"[\w.-]{1,128}", re.ASCII)
_NO_VERSION = frozenset({"NoSuchVersion", "AccessDenied"})  # obs:object:GetObjectVersion
_RANGE_NOT_SATISFIABLE = 416
_OWN_FAILURES = frozenset({500, 503})  # of OBS itself (obs_04_0115); others are of a gateway
_POSITION_CONFLICT = "PositionNotEqualToLength"
_LOCK = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    "<DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention>"
    "</Rule></ObjectLockConfiguration>"
)
_FINAL = {
    "AccessDenied": "the function's agency may not do this; allow it on the bucket",
    "NoSuchKey": "no such object; it may have been deleted since",
    "NoSuchVersion": "no such version",
    "NoSuchBucket": "no such bucket",
    "ObjectNotAppendable": "it cannot be appended to: it was put, or appended to 10,000 times",
}
"""Permanent errors, by OBS's error codes; a retry may help with all others."""


class StoredObject(NamedTuple):
    """The bytes and headers of an object."""

    data: bytes
    etag: str
    version_id: str

    def __repr__(self) -> str:
        """Return nothing of the bytes, which may be a spec's."""
        return f"StoredObject(etag={self.etag!r}, version_id={self.version_id!r})"


class ObsResult(NamedTuple):
    """The result of a read or an append.

    Attributes:
        date: The `Date` header, OBS's clock in whole seconds; "" if it is missing.
        data: The bytes that were read.
        done: Whether the bytes were appended.
    """

    date: str
    data: bytes = b""
    done: bool = True

    def __repr__(self) -> str:
        """Return nothing of the bytes."""
        return f"ObsResult({self.date!r}, done={self.done})"


class Obs(NamedTuple):
    """OBS, with the credentials of one invocation.

    A bucket is a sub-domain of the endpoint, or the first part of the path if the host is an IP
    address. The clock is aware UTC. Without a deadline, only the limit of the transport applies.

    Every call raises ObjectError if the bucket is missing or these keys do not allow it, and
    another CloudError if it failed; then a retry may succeed.
    """

    endpoint: str
    credentials: Credentials
    transport: Transport
    clock: Callable[[], datetime]
    deadline: Deadline | None = None

    def read(
        self, bucket: str, key: str, *, max_bytes: int, version_id: str | None = None
    ) -> StoredObject:
        """Return an object.

        Args:
            bucket: Its bucket.
            key: Its key.
            max_bytes: Its largest size.
            version_id: Read this version if there is one and these keys allow it; in any other case
                the current object is read, and says which version it is.

        Raises:
            ObjectError: Also if it is missing or larger than `max_bytes`.
        """
        target = SignedTarget("GET", bucket, key)
        if version_id and _VERSION.fullmatch(version_id):
            try:
                return self._read(
                    target._replace(sub_resource=f"versionId={version_id}"), max_bytes
                )
            except ObjectError as error:
                if error.code not in _NO_VERSION:
                    raise
        return self._read(target, max_bytes)

    def _read(self, target: SignedTarget, max_bytes: int) -> StoredObject:
        # The limit must not cut off the text of an error.
        answer = self._call(target, max(max_bytes, _ERROR_BYTES))
        _check_length(answer, target.place, max_bytes)
        return StoredObject(
            data=answer.body, etag=_tag(answer, "etag"), version_id=_tag(answer, "x-obs-version-id")
        )

    def write(self, bucket: str, key: str, data: bytes, *, content_type: str) -> None:
        """Write a small object; an existing one is replaced."""
        self._call(SignedTarget("PUT", bucket, key, data, content_type))

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object if it exists."""
        self._call(SignedTarget("DELETE", bucket, key))

    def lock(self, bucket: str, days: int) -> None:
        """Lock every version written from now on for some days.

        The bucket must have versioning. The lock is permanent, and a locked bucket refuses appends.
        Source: SetBucketObjectLock (obs_04_0167).
        """
        body = _LOCK.format(days=days).encode()
        self._call(
            SignedTarget("PUT", bucket, "", body, digest=_digest(body), sub_resource="object-lock")
        )

    def append(self, bucket: str, key: str, position: int, data: bytes) -> ObsResult:
        """Append to an object that is `position` bytes long; position 0 creates it.

        Returns:
            Not `done` if the object has another length; nothing was appended.

        Raises:
            ObjectError: Also if the object cannot be appended to.
        """
        target = SignedTarget(
            "POST",
            bucket,
            key,
            data,
            digest=_digest(data),
            sub_resource=f"append&position={position}",
        )
        answer = self._answer(target)
        date = answer.headers.get("date", "")
        if _code(answer) == _POSITION_CONFLICT:
            return ObsResult(date, done=False)
        _checked(answer, target.place, self.credentials)
        return ObsResult(date)

    def read_from(self, bucket: str, key: str, first: int, *, max_bytes: int) -> ObsResult | None:
        """Return the bytes of an object from `first` on, from its end if negative; None if missing.

        Raises:
            ObjectError: Also if it is larger than `max_bytes`.
        """
        ranges = {"Range": f"bytes={first}-" if first >= 0 else f"bytes={first}"} if first else {}
        target = SignedTarget("GET", bucket, key, headers=ranges)
        limit = max(max_bytes, _ERROR_BYTES)
        answer = self._answer(target, limit)
        date = answer.headers.get("date", "")
        if answer.status == _RANGE_NOT_SATISFIABLE:
            return ObsResult(date)
        if _code(answer) == "NoSuchKey":
            return None
        _checked(answer, target.place, self.credentials)
        _check_length(answer, target.place, max_bytes)
        whole = answer.status == 200  # noqa: PLR2004 - not 206: the range was ignored
        return ObsResult(date, answer.body[first:] if whole else answer.body)

    def list_objects(self, bucket: str, prefix: str, *, after: str = "") -> Iterator[ListedObject]:
        """Yield the objects under a prefix with keys after `after`, in the order of their keys."""
        for page in self.list_pages(bucket, prefix, after=after):
            yield from page.objects

    def list_pages(self, bucket: str, prefix: str, *, after: str = "") -> Iterator[ObjectPage]:
        """Yield the pages of objects under a prefix with keys after `after`; one request each."""
        from handler.cloud.obs.listing import listing_of

        marker = after
        while True:
            query = {"prefix": prefix, "marker": marker, "max-keys": str(_PAGE)}
            given = urlencode(
                {name: value for name, value in query.items() if value}, quote_via=quote
            )
            listed = self._call(SignedTarget("GET", bucket, "", query=given), _LISTED_BYTES)
            page = listing_of(listed.body)
            yield page
            if not page.truncated or not page.objects:
                return
            if page.objects[-1].key <= marker:
                raise NoAnswerError(f"obs://{bucket}/{prefix}: the listing does not advance")
            marker = page.objects[-1].key

    def _call(self, target: SignedTarget, max_bytes: int = MAX_ANSWER_BYTES) -> Answer:
        return _checked(self._answer(target, max_bytes), target.place, self.credentials)

    def _answer(self, target: SignedTarget, max_bytes: int = MAX_ANSWER_BYTES) -> Answer:
        signed = target.signed(self.endpoint, self.credentials, self.clock())
        return self.transport.send(signed, max_bytes=max_bytes, deadline=self.deadline)


def _checked(answer: Answer, place: str, credentials: Credentials) -> Answer:
    if answer.is_success:
        return answer
    if answer.status >= 500:  # noqa: PLR2004 - server errors
        over = answer.status in _OWN_FAILURES
        raise NoAnswerError(f"{place}: OBS answered {answer.status}", over=over)
    code = _code(answer)
    if code in _FINAL:
        raise ObjectError(f"{place}: {_FINAL[code]}", code=code)
    code = code if redact(code, secrets_of(credentials, "")) == code else UNREADABLE
    raise ApiError(f"{place}: OBS answered {answer.status} {code}", status=answer.status, code=code)


def _code(answer: Answer) -> str:
    """Return the code of an error response, "" for none, `UNREADABLE` for an invalid one."""
    found = _CODE.search(answer.body) if answer.status >= 400 else None  # noqa: PLR2004 - errors
    code = found.group(1).decode("utf-8", "replace") if found else ""
    return code if not code or _CODE_FORM.fullmatch(code) else UNREADABLE


def _tag(answer: Answer, name: str) -> str:
    """Return the tag or version in a header; "" for none or an invalid one."""
    value = answer.headers.get(name, "").strip('"')
    return value if _TAG.fullmatch(value) else ""


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _check_length(answer: Answer, place: str, max_bytes: int) -> None:
    if answer.cut or len(answer.body) > max_bytes:
        raise ObjectError(f"{place} is larger than {max_bytes} bytes")
    # A response that was cut off in its headers looks like an empty object.
    if not answer.headers.keys() & {"content-length", "transfer-encoding"}:
        raise NoAnswerError(f"{place}: the response has no length")


def obs_beside(ief: Ief, endpoint: str) -> Obs:
    """Return OBS with the keys, connections, clock and deadline of IEF."""
    return Obs(endpoint, ief.credentials, ief.transport, ief.clock, ief.deadline)
