"""Detects the format of a file that is not UTF-8 text by its first bytes."""

from __future__ import annotations

import re

_PREFIX_LENGTH = 300

# The patterns match text that was decoded as UTF-8 with U+FFFD for each invalid byte: an event's
# body is only available in that form.
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
    # Every second byte of ASCII in UTF-16 is zero, with or without a byte order mark.
    (r"\ufffd{0,2}(?:(?:[^\x00]\x00){2}|(?:\x00[^\x00]){2}|\x00{2})", "UTF-16; save it as UTF-8"),
)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def detect_bytes_format(data: bytes) -> str:
    """Return the format and what to do, such as `UTF-16; save it as UTF-8`; "" if unknown."""
    if data.startswith(_UTF_16_MARKS):
        return "UTF-16; save it as UTF-8"
    return detect_text_format(data[:_PREFIX_LENGTH].decode("utf-8", "replace"))


def detect_text_format(text: str) -> str:
    """Return the same for bytes that were decoded as UTF-8, with U+FFFD for each invalid byte."""
    prefix = text[:_PREFIX_LENGTH]
    flags = re.DOTALL | re.IGNORECASE
    return next((message for pattern, message in _FORMATS if re.match(pattern, prefix, flags)), "")
