"""Foreign formats: what a file is that is not text in UTF-8, told by how it begins."""

from __future__ import annotations

import re

_LONGEST_START = 300

# What is read here is the beginning in UTF-8, each byte that does not belong as U+FFFD: an event's
# body arrives in no other form.
_FORMATS = (
    (r"\x1f\ufffd", "compressed with gzip; decompress it first"),
    (r"BZh[1-9]1AY&SY", "compressed with bzip2; decompress it first"),
    (r"\ufffd7zXZ\x00", "compressed with xz; decompress it first"),
    (r"\(\ufffd/\ufffd", "compressed with Zstandard; decompress it first"),
    (r"PK\x03\x04", "a zip archive or an office document, not a text"),
    (r"7z\ufffd\ufffd'\x1c|.{257}ustar", "an archive, not a text; extract it first"),
    (r"\ufffdPNG\r?\n|GIF8[79]a|\ufffd{3,4}.{0,4}(?:JFIF|Exif)", "an image, not a text"),
    (r"%PDF-|\{\\rtf", "a formatted document, not a text; save it as plain text in UTF-8"),
    (r"\x7fELF|MZ\ufffd", "a program, not a text"),
    (r"SQLite format 3\x00", "a database, not a text"),
    (r"\s*<(?:!doctype html|html)\b", "an HTML page, such as the error page of a download"),
    (r"\s*<\?xml\b", "XML, which is not read; write YAML or JSON"),
    # Every second byte of ASCII in UTF-16 is zero, with a mark in front or without.
    (r"\ufffd{0,2}(?:(?:[^\x00]\x00){2}|(?:\x00[^\x00]){2}|\x00{2})", "UTF-16; save it as UTF-8"),
)
_KNOWN = tuple((re.compile(start, re.DOTALL | re.IGNORECASE), told) for start, told in _FORMATS)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def format_of_bytes(data: bytes) -> str:
    """Return what a file is and what to do, such as `UTF-16; save it as UTF-8`, "" if unknown."""
    if data.startswith(_UTF_16_MARKS):
        return "UTF-16; save it as UTF-8"
    return format_of_text(data[:_LONGEST_START].decode("utf-8", "replace"))


def format_of_text(text: str) -> str:
    """Return what a text was before it was decoded as UTF-8, what did not fit replaced by U+FFFD.

    Args:
        text: The text, or its beginning.
    """
    start = text[:_LONGEST_START]
    return next((told for known, told in _KNOWN if known.match(start)), "")
