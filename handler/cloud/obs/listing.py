"""Parses a page of a bucket's listing (XML).

Source: support.huaweicloud.com/api-obs, "Listing objects in a bucket". Keys are not encoded, since
the request has no `encoding-type`. A page larger than OBS documents is refused before it is parsed.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from handler.errors import NoAnswerError

LARGEST_PAGE = 1000
"""The maximum number of objects of a page."""

_FORBIDDEN = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]"
    rb"|&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));"
)
REPLACED = "\x1f"
"""Stands in a key for a character that XML cannot contain; only tab, LF and CR sort before it."""

_STAND_INS = range(0xE000, 0xF900)  # private characters: the parser sees three of them in its place

_CHARACTERS = ((9, 10), (13, 13), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
"""The characters of XML (section 2.2), first and last of each range."""

_LAST = ("\ufffe", "\uffff")
_AFTER_LAST = "\U00010000".encode()  # sorts after both, so that a list goes on behind them

_MOST_TAGS = 80_000
_MOST_REFERENCES = 1024  # in one text: each character of the longest key may be escaped
_LONGEST_TEXT = 4096
_TAG = re.compile(r"[!-~]{0,128}")
_TIME = re.compile(r"(2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?Z")


@dataclass(frozen=True)
class ListedObject:
    """An object in a bucket's listing.

    Attributes:
        key: The key.
        etag: The entity tag, without quotes; "" if it is not a valid one.
        modified_at: When the current version was written, aware UTC.
    """

    key: str
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class ObjectPage:
    """A page of objects, and whether more follow."""

    objects: tuple[ListedObject, ...]
    truncated: bool


def listing_of(xml: bytes) -> ObjectPage:
    """Return the page in a listing response.

    Raises:
        NoAnswerError: It is not a valid listing.
    """
    try:
        # Parsed as UTF-8 whatever it declares: OBS writes nothing else.
        parser = ET.XMLParser(encoding="UTF-8")  # noqa: S314 - a DTD is refused first
        # Nobody can write a key that has it.
        stand_in = "".join(chr(secrets.choice(_STAND_INS)) for _ in range(3))
        root = ET.fromstring(_parsable(xml, stand_in), parser)  # noqa: S314 - same reason
        return _page(root, stand_in)
    except (ET.ParseError, ValueError) as error:
        raise NoAnswerError("OBS answered a listing that cannot be read") from error


def _page(root: ET.Element, stand_in: str) -> ObjectPage:
    if _name(root) != "ListBucketResult":
        raise ValueError("it is another document")
    objects = tuple(_object(one, stand_in) for one in root if _name(one) == "Contents")
    truncated = _text(root, "IsTruncated") == "true"
    if len(objects) > LARGEST_PAGE or (truncated and not objects):
        raise ValueError("it has too many objects, or none and is not the last page")
    return ObjectPage(objects, truncated)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ET.Element, name: str) -> str:
    """Return the text of the only child of that name; "" if it has none."""
    texts = [child.text or "" for child in element if _name(child) == name]
    if len(texts) > 1 or len("".join(texts)) > _LONGEST_TEXT:
        raise ValueError("a field is there twice or too long")
    return "".join(texts)


def _parsable(xml: bytes, stand_in: str) -> bytes:
    if b"<!DOCTYPE" in xml:
        raise ValueError("it declares a document type")
    if xml.count(b"<") > _MOST_TAGS:
        raise ValueError("it has too many elements")
    if any(part.count(b"&") > _MOST_REFERENCES for part in xml.split(b"<")):
        raise ValueError("a text of it has too many references")
    replacement = stand_in.encode()

    def readable(found: re.Match[bytes]) -> bytes:
        # XML cannot contain such a character; one key with it must not make all others unreadable.
        code = int(found[1], 16) if found[1] else int(found[2] or 0)
        if any(first <= code <= last for first, last in _CHARACTERS):
            return found[0]
        is_last = code in map(ord, _LAST) or found[0].decode() in _LAST
        return _AFTER_LAST + replacement if is_last else replacement

    return _FORBIDDEN.sub(readable, xml)


def _object(contents: ET.Element, stand_in: str) -> ListedObject:
    key = _text(contents, "Key").replace(stand_in, REPLACED)
    etag = _text(contents, "ETag").strip('"')
    time = _TIME.fullmatch(_text(contents, "LastModified"))
    if not key or time is None:
        raise ValueError("an object has no key or time")
    return ListedObject(
        key=key,
        etag=etag if _TAG.fullmatch(etag) else "",
        modified_at=datetime.fromisoformat(f"{time[1]}+00:00"),
    )
