"""Names of buckets and prefixes of object keys, refused where they can match nothing."""

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
    """Return the names of buckets in a text that separates them by commas.

    Raises:
        ValueError: One of them is no name that OBS allows.
    """
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if not all(_BUCKET.fullmatch(name) for name in names):
        raise ValueError(
            "must be names of buckets, such as depots-drop: 3 to 63 lower-case letters, digits, "
            "hyphens and dots, without obs:// and without a path"
        )
    return names


def checked_prefix(text: str) -> str:
    """Return a prefix of object keys as it is.

    A key is compared character by character: it begins with no slash, and a prefix is no pattern,
    no path to resolve, no address and not URL-encoded.

    Raises:
        ValueError: No key that anybody would write begins so; the message says what was meant.
    """
    if len(text.encode("utf-8", "replace")) > LONGEST_KEY:
        raise ValueError(f"must be at most {LONGEST_KEY} bytes, the length of the longest key")
    if not text.isprintable():
        raise ValueError("must be printable characters alone")
    meant = _meant(text)
    if meant == text:
        return text
    instead = f'did you mean "{display(meant)}"?' if meant else "leave it empty to watch every key"
    raise ValueError(f"no object key begins so; {instead}")


def _meant(text: str) -> str:
    key = _ADDRESS.sub("", text.strip("'\""), count=1)
    key = unquote(key).replace("\\", "/")
    key = _WILDCARD.split(key, maxsplit=1)[0]
    steps = [step for step in key.split("/") if step not in {"", ".", ".."}]
    return "/".join(steps) + ("/" if steps and key.endswith("/") else "")
