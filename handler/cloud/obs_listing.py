"""A page of a bucket's list, as OBS writes it in XML.

Source: support.huaweicloud.com/api-obs, "Listing objects in a bucket". The keys arrive as they are,
because no `encoding-type` is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.parsers import expat

from handler.errors import NoAnswerError

_ROOT = "/"
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_ALLOWED_CONTROLS = frozenset({9, 10, 13})
_FIRST_PRINTABLE = 32


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
    contents: list[dict[str, str]] = []
    whole: dict[str, str] = {}
    path: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        path.append(name.rpartition(":")[2])
        whole.setdefault(_ROOT, path[0])
        if path[1:] == ["Contents"]:
            contents.append({})

    def text(data: str) -> None:
        if path[1:2] == ["Contents"]:
            contents[-1]["/".join(path[2:])] = contents[-1].get("/".join(path[2:]), "") + data
        else:
            whole[path[-1]] = whole.get(path[-1], "") + data

    def end(_name: str) -> None:
        path.pop()

    def refuse(*_declaration: object) -> None:
        raise ValueError("an entity is declared")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = text, refuse
    try:
        parser.Parse(_FORBIDDEN.sub(_readable, xml), True)  # noqa: FBT003 - expat takes no keyword
        return _page(contents, whole)
    except (expat.ExpatError, KeyError, ValueError) as error:
        raise NoAnswerError("OBS answered a listing that cannot be read") from error


def _readable(found: re.Match[bytes]) -> bytes:
    # XML has no way to write such a character in a key; one such key must not hide all others.
    code = int(found[1], 16) if found[1] else int(found[2] or 0)
    return found[0] if code >= _FIRST_PRINTABLE or code in _ALLOWED_CONTROLS else b"?"


def _page(contents: list[dict[str, str]], whole: dict[str, str]) -> ObjectPage:
    if whole[_ROOT] != "ListBucketResult":
        raise ValueError("it is another document")
    objects = tuple(_object(one) for one in contents)
    return ObjectPage(objects, truncated=whole.get("IsTruncated") == "true")


def _object(one: dict[str, str]) -> ListedObject:
    return ListedObject(
        key=one["Key"],
        etag=one.get("ETag", "").strip('"'),
        modified_at=datetime.strptime(f"{one['LastModified'][:19]}+0000", "%Y-%m-%dT%H:%M:%S%z"),
    )
