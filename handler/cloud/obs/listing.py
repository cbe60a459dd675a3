"""A page of a bucket's list, as OBS writes it in XML.

Source: support.huaweicloud.com/api-obs, "Listing objects in a bucket". The keys arrive as they are,
because no `encoding-type` is asked for. What is larger, deeper or longer than any list that OBS
documents is given up as soon as that shows, so that reading costs no more than its bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

from handler.errors import NoAnswerError

LARGEST_PAGE = 1000
"""The most objects that a page holds."""

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_ALLOWED_CONTROLS = frozenset({9, 10, 13})
_FIRST_PRINTABLE = 32
_MOST_ELEMENTS = 40_000
_MOST_REFERENCES = 100_000
_DEEPEST = 8
_LONGEST_TEXT = 4096
_FIELDS = frozenset({"IsTruncated", "Key", "LastModified", "ETag"})
_TAG = re.compile(r"[!-~]{0,128}")
_TIME = re.compile(r"(2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?Z")


@dataclass(frozen=True)
class ListedObject:
    """An object as a bucket's list has it.

    Attributes:
        key: Its key.
        etag: Its entity tag, without quotes.
        modified_at: When its current version was written, aware UTC.
    """

    key: str
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class ObjectPage:
    """One page: its objects, and whether there are more."""

    objects: tuple[ListedObject, ...]
    truncated: bool


def listing_of(xml: bytes) -> ObjectPage:
    """Return the page that a listing answer holds.

    Entities cannot be declared in it, so that nothing expands.

    Raises:
        NoAnswerError: It is no listing that can be read.
    """
    reading = _Reading()
    parser = expat.ParserCreate("UTF-8")  # whatever it says itself: OBS writes no other
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(_parsable(xml), True)  # noqa: FBT003 - expat takes no keyword
        return reading.page()
    except (expat.ExpatError, KeyError, ValueError) as error:
        raise NoAnswerError("OBS answered a listing that cannot be read") from error


@dataclass
class _Reading:
    """What has been read so far.

    Attributes:
        path: The names of the open elements.
        entries: The fields of each object.
        fields: The list's own fields.
        parts: The pieces of the text that is open.
        elements: How many were begun.
    """

    path: list[str] = field(default_factory=list)
    entries: list[dict[str, str]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    elements: int = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self.elements += 1
        self.path.append(name.rpartition(":")[2])
        self.parts.clear()
        if self.elements > _MOST_ELEMENTS or len(self.path) > _DEEPEST:
            raise ValueError("it has too many elements")
        if self.path[0] != "ListBucketResult":
            raise ValueError("it is another document")
        if self.path[1:] == ["Contents"]:
            self.entries.append({})
        if len(self.entries) > LARGEST_PAGE:
            raise ValueError("it has too many objects")

    def text(self, data: str) -> None:
        self.parts.append(data)
        # The text is handed over in buffers of some kilobytes: there are never many parts.
        if sum(map(len, self.parts)) > _LONGEST_TEXT:
            raise ValueError("it holds a text that is too long")

    def end(self, _name: str) -> None:
        name = self.path.pop()
        known = self.fields if len(self.path) == 1 else None
        if self.path[1:] == ["Contents"]:
            known = self.entries[-1]
        if known is not None and name in _FIELDS:
            if name in known:
                raise ValueError("it says something twice")
            known[name] = "".join(self.parts)
        self.parts.clear()

    def page(self) -> ObjectPage:
        objects = tuple(_object(one) for one in self.entries)
        truncated = self.fields.get("IsTruncated") == "true"
        if truncated and not objects:
            raise ValueError("it has no objects and is not the last")
        return ObjectPage(objects, truncated)


def _refuse(*_declaration: object) -> None:
    raise ValueError("a document type is declared")


def _parsable(xml: bytes) -> bytes:
    if xml.count(b"&#") > _MOST_REFERENCES:
        raise ValueError("it has too many references")
    return _FORBIDDEN.sub(_readable, xml)


def _readable(found: re.Match[bytes]) -> bytes:
    # XML has no way to write such a character in a key; one such key must not hide all others.
    code = int(found[1], 16) if found[1] else int(found[2] or 0)
    return found[0] if code >= _FIRST_PRINTABLE or code in _ALLOWED_CONTROLS else b"?"


def _object(one: dict[str, str]) -> ListedObject:
    etag = one.get("ETag", "").strip('"')
    time = _TIME.fullmatch(one["LastModified"])
    if not one["Key"] or time is None:
        raise ValueError("an object has no key or time")
    return ListedObject(
        key=one["Key"],
        etag=etag if _TAG.fullmatch(etag) else "",
        modified_at=datetime.fromisoformat(f"{time[1]}+00:00"),
    )
