"""Bucket names and key prefixes; those that can match nothing are errors."""

from __future__ import annotations

import re
from urllib.parse import unquote

from handler.values.display import display

LONGEST_KEY = 1024
"""Bytes of UTF-8 in an object's key (OBS API reference, object naming)."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_WILDCARD = re.compile(r"[*?]")


def bucket_names(text: str) -> tuple[str, ...]:
    """Return the bucket names in a text that separates them by commas.

    Raises:
        ValueError: OBS does not allow one of the names.
    """
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if not all(_BUCKET.fullmatch(name) for name in names):
        raise ValueError(
            "must be bucket names, such as depots-drop: 3 to 63 lower-case letters, digits, "
            "hyphens and dots, without obs:// and without a path"
        )
    return names


def checked_prefix(text: str) -> str:
    """Return a key prefix unchanged.

    Keys are compared character by character: a prefix has no slash at its start, is not a pattern,
    an address or URL-encoded, and has no `.` or `..` to resolve.

    Raises:
        ValueError: The prefix matches no usual key; the message suggests one that does.
    """
    if len(text.encode("utf-8", "replace")) > LONGEST_KEY:
        raise ValueError(f"must be at most {LONGEST_KEY} bytes, the length of the longest key")
    if not text.isprintable():
        raise ValueError("must contain printable characters only")
    corrected = _corrected(text)
    if corrected == text:
        return text
    hint = (
        f'did you mean "{display(corrected)}"?'
        if corrected
        else "leave it empty to watch every key"
    )
    raise ValueError(f"no object key starts like this; {hint}")


def _corrected(text: str) -> str:
    key = _ADDRESS.sub("", text.strip("'\""), count=1)
    key = unquote(key).replace("\\", "/")
    key = _WILDCARD.split(key, maxsplit=1)[0]
    steps = [step for step in key.split("/") if step not in {"", ".", ".."}]
    return "/".join(steps) + ("/" if steps and key.endswith("/") else "")
