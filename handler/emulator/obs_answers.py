"""What OBS says: error bodies, and lists of buckets and objects, as XML."""

from __future__ import annotations

from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from handler.emulator.wire import RefusedError, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.emulator.obs_listing import Listing
    from handler.emulator.obs_place import Place

_NAMESPACE = "http://obs.myhwclouds.com/doc/2015-06-30/"
_OWNER = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

_ERRORS = {
    "AccessDenied": (403, "Access denied."),
    "BadDigest": (400, "The Content-MD5 is not that of the body."),
    "InvalidAccessKeyId": (403, "The access key does not exist."),
    "InvalidArgument": (400, "A parameter of the query is invalid."),
    "InvalidBucketName": (400, "The bucket's name is invalid."),
    "InvalidSecurityToken": (403, "The security token is invalid."),
    "MethodNotAllowed": (405, "The method is not allowed here."),
    "NoSuchBucket": (404, "The bucket does not exist."),
    "NoSuchKey": (404, "The object does not exist."),
    "RequestTimeTooSkewed": (403, "The request's date is more than 15 minutes off."),
    "SignatureDoesNotMatch": (403, "The signature does not match the request."),
}


def refused(code: str, place: Place) -> RefusedError:
    """Return the refusal with a code of OBS's, to be raised."""
    status, message = _ERRORS[code]
    resource = f"/{place.bucket}/{place.key}" if place.bucket else "/"
    return RefusedError(_error(status, code, message, resource))


def failure(status: int) -> Response:
    """Return an answer in place of a real one, as an overloaded service gives it."""
    code = "InternalError" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "ServiceUnavailable"
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


def object_list(listing: Listing) -> Response:
    """Return the answer of ListObjects."""
    root = Element("ListBucketResult", xmlns=_NAMESPACE)
    _add(root, "Name", listing.bucket)
    for name, text in (
        ("Prefix", listing.prefix),
        ("Marker", listing.marker),
        ("Delimiter", listing.delimiter),
        ("NextMarker", listing.next_marker),
    ):
        if text or name in {"Prefix", "Marker"}:
            _add(root, name, _spelled(text, listing))
    _add(root, "MaxKeys", str(listing.max_keys))
    if listing.url_encoded:
        _add(root, "EncodingType", "url")
    _add(root, "IsTruncated", "true" if listing.next_marker else "false")
    for key, stored in listing.objects:
        contents = SubElement(root, "Contents")
        _add(contents, "Key", _spelled(key, listing))
        _add(contents, "LastModified", iso_time(stored.modified))
        _add(contents, "ETag", f'"{stored.etag}"')
        _add(contents, "Size", str(len(stored.data)))
        _add_owner(contents)
        _add(contents, "StorageClass", "STANDARD")
    for prefix in listing.prefixes:
        _add(SubElement(root, "CommonPrefixes"), "Prefix", _spelled(prefix, listing))
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


def _spelled(text: str, listing: Listing) -> str:
    return quote(text) if listing.url_encoded else text


def _add_owner(parent: Element) -> None:
    _add(SubElement(parent, "Owner"), "ID", _OWNER)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _xml(root: Element, status: int = 200) -> Response:
    body = tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(status, body, {"Content-Type": "application/xml"})
