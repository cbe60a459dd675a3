"""OBS's answers in XML: errors, and lists of buckets and objects."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from handler.emulator.http.messages import RefusedError, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handler.emulator.obs.bucket import ObjectVersion
    from handler.emulator.obs.listing import ListEntry, Page
    from handler.emulator.obs.request import Address

_NAMESPACE = "http://obs.myhwclouds.com/doc/2015-06-30/"
_OWNER = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

_ERRORS = {
    "AccessDenied": (403, "Access denied."),
    "BadDigest": (400, "The Content-MD5 does not match the body."),
    "InvalidAccessKeyId": (403, "The access key does not exist."),
    "InvalidArgument": (400, "A parameter of the query is invalid."),
    "InvalidBucketState": (409, "A locked bucket needs versioning and cannot suspend it."),
    "InvalidBucketName": (400, "The bucket's name is invalid."),
    "InvalidRange": (416, "The range is outside of the object."),
    "KeyTooLong": (400, "The object's key is longer than 1,024 bytes."),
    "EntityTooLarge": (400, "The object is larger than 5 GB."),
    "MetadataTooLarge": (400, "The object's own metadata is larger than 8 KB."),
    "InvalidSecurityToken": (403, "The security token is invalid."),
    "MalformedXML": (400, "The body is not the expected XML."),
    "MethodNotAllowed": (405, "The method is not allowed here."),
    "NoSuchBucket": (404, "The bucket does not exist."),
    "NoSuchKey": (404, "The object does not exist."),
    "NoSuchVersion": (404, "The version does not exist."),
    "NotImplemented": (501, "The emulator does not implement this."),
    "ObjectNotAppendable": (409, "The object cannot be appended to, or not any more."),
    "PositionNotEqualToLength": (409, "The position is not the object's length."),
    "PreconditionFailed": (412, "A condition of the request is not met."),
    "RequestTimeTooSkewed": (403, "The request's date is more than 15 minutes off."),
    "SignatureDoesNotMatch": (403, "The signature does not match the request."),
}


def refused(code: str, address: Address, headers: Mapping[str, str] | None = None) -> RefusedError:
    """Return the error for a code of OBS, to be raised."""
    status, message = _ERRORS[code]
    resource = f"/{address.bucket}/{address.key}" if address.bucket else "/"
    answer = _error(status, code, message, resource)
    return RefusedError(replace(answer, headers=answer.headers | spelled_both_ways(headers or {})))


def spelled_both_ways(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with each `x-obs-` header as `x-amz-` too, for AWS clients."""
    return {
        **headers,
        **{
            f"x-amz-{name[6:]}": value
            for name, value in headers.items()
            if name.startswith("x-obs-")
        },
    }


_FAILURES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "AccessDenied",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalError",
}


def failure(status: int) -> Response:
    """Return an error answer: of missing rights, or of an overloaded service."""
    code = _FAILURES.get(status, "ServiceUnavailable")
    return _error(status, code, "The service cannot answer now.", "/")


def bucket_list(names: Iterable[str]) -> Response:
    """Return the answer of ListBuckets."""
    root = Element("ListAllMyBucketsResult", xmlns=_NAMESPACE)
    _add_owner(root)
    buckets = SubElement(root, "Buckets")
    for name in names:
        bucket = SubElement(buckets, "Bucket")
        _add(bucket, "Name", name)
        _add(bucket, "CreationDate", iso_time(0))
    return _xml(root)


def object_list(page: Page) -> Response:
    """Return the answer of ListObjects."""
    root = Element("ListBucketResult", xmlns=_NAMESPACE)
    encoded = _add_query(root, page, {"Prefix": "prefix", "Marker": "marker"})
    if page.truncated:
        _add(root, "NextMarker", _spelled(page.entries[-1].key, encoded))
    for entry in page.entries:
        if entry.stored:
            contents = SubElement(root, "Contents")
            _add(contents, "Key", _spelled(entry.key, encoded))
            _add_stored(contents, entry.stored)
    _add_common_prefixes(root, page, encoded)
    return _xml(root)


def version_list(page: Page) -> Response:
    """Return the answer of ListVersions."""
    root = Element("ListVersionsResult", xmlns=_NAMESPACE)
    encoded = _add_query(root, page, {"Prefix": "prefix", "KeyMarker": "key-marker"})
    _add(root, "VersionIdMarker", page.parameters.get("version-id-marker", ""))
    if page.truncated:
        _add(root, "NextKeyMarker", _spelled(page.entries[-1].key, encoded))
        _add(root, "NextVersionIdMarker", page.entries[-1].version_id)
    for entry in page.entries:
        if entry.stored:
            _add_version(root, entry, entry.stored, encoded)
    _add_common_prefixes(root, page, encoded)
    return _xml(root)


def _add_query(root: Element, page: Page, names: Mapping[str, str]) -> bool:
    """Add the bucket and the query to a list; return whether keys are percent-encoded."""
    encoded = page.parameters.get("encoding-type") == "url"
    _add(root, "Name", page.bucket)
    for name, parameter in names.items():
        _add(root, name, _spelled(page.parameters.get(parameter, ""), encoded))
    if delimiter := page.parameters.get("delimiter"):
        _add(root, "Delimiter", _spelled(delimiter, encoded))
    _add(root, "MaxKeys", str(page.max_keys))
    if encoded:
        _add(root, "EncodingType", "url")
    _add(root, "IsTruncated", "true" if page.truncated else "false")
    return encoded


def _add_common_prefixes(root: Element, page: Page, encoded: bool) -> None:  # noqa: FBT001 - as in the query
    for entry in page.entries:
        if entry.stored is None:
            _add(SubElement(root, "CommonPrefixes"), "Prefix", _spelled(entry.key, encoded))


def _add_version(root: Element, entry: ListEntry, stored: ObjectVersion, encoded: bool) -> None:  # noqa: FBT001 - as in the query
    line = SubElement(root, "DeleteMarker" if stored.deleted else "Version")
    _add(line, "Key", _spelled(entry.key, encoded))
    _add(line, "VersionId", entry.version_id)
    _add(line, "IsLatest", "true" if entry.latest else "false")
    if stored.deleted:
        _add(line, "LastModified", iso_time(stored.modified))
        _add_owner(line)
    else:
        _add_stored(line, stored)


def _add_stored(line: Element, stored: ObjectVersion) -> None:
    _add(line, "LastModified", iso_time(stored.modified))
    _add(line, "ETag", f'"{stored.etag}"')
    _add(line, "Size", str(len(stored.data)))
    if stored.appends:
        _add(line, "Type", "Appendable")
    _add_owner(line)
    _add(line, "StorageClass", "STANDARD")


def versioning_status(status: str) -> Response:
    """Return the answer of GetBucketVersioning."""
    root = Element("VersioningConfiguration", xmlns=_NAMESPACE)
    if status:
        _add(root, "Status", status)
    return _xml(root)


def iso_time(moment: float) -> str:
    """Return a time in seconds since 1970 as OBS writes it in XML."""
    whole = datetime.fromtimestamp(moment, timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{whole.microsecond // 1000:03d}Z"


def _error(status: int, code: str, message: str, resource: str) -> Response:
    root = Element("Error")
    _add(root, "Code", code)
    _add(root, "Message", message)
    _add(root, "Resource", resource)
    return _xml(root, status)


def _spelled(text: str, encoded: bool) -> str:  # noqa: FBT001 - as in the query
    return quote(text) if encoded else text


def _add_owner(parent: Element) -> None:
    _add(SubElement(parent, "Owner"), "ID", _OWNER)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _xml(root: Element, status: int = 200) -> Response:
    body = tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(status, body, {"Content-Type": "application/xml"})
