"""Canonical JSON (RFC 8785) and digests over it.

Values are limited: ASCII keys, no floats, no integers from 2^53, no lone surrogates. Within these
limits `json.dumps` with sorted keys and no white space writes the bytes that RFC 8785 asks for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)

LARGEST_INTEGER = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (RFC 8785)."""


def canonical(value: Json) -> str:
    """Return the canonical text of a value.

    Raises:
        ValueError: The value contains a float, a large integer, a lone surrogate or a key outside
            ASCII.
    """
    _check(value)
    text = _ENCODER.encode(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a lone surrogate has no canonical form") from error
    return text


def sha256_hex(data: str | bytes) -> str:
    """Return the SHA-256 of text (as UTF-8) or bytes in 64 hex digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def key_of(value: Json) -> str:
    """Return the key of a value: SHA-256 over its canonical form, 52 base32 characters.

    The characters are a-z and 2-7, so that any prefix is valid in a job's name or description. A
    value without a canonical form is hashed as its ASCII JSON text, which is no other value's
    canonical text.
    """
    try:
        text = canonical(value)
    except ValueError:
        text = json.dumps(value, sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()


def short_key(key: str) -> str:
    """Return the first 16 characters of a key, for people."""
    return key[:16]


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(timezone.utc)


def timestamp(moment: datetime) -> str:
    """Return an aware time as UTC text with microseconds: `2026-11-23T02:00:00.000000Z`.

    All texts have the same length and sort by time.
    """
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")[:-6] + "Z"


def moment(text: str) -> datetime:
    """Return the aware time that `timestamp` formatted.

    Raises:
        ValueError: The text has another format.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("a time must be in UTC, with microseconds")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)


def _check(value: Json) -> None:
    inside: Iterable[Json] = ()
    if isinstance(value, dict):
        if not "".join(value).isascii():
            raise ValueError("a key outside ASCII has no canonical form here")
        inside = value.values()
    elif isinstance(value, list):
        inside = value
    elif isinstance(value, float):
        raise ValueError("a float has no canonical form here")  # noqa: TRY004 - callers catch one error
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError("an integer from 2^53 has no canonical form")
    for one in inside:
        if type(one) is not str:  # most are texts, and a call costs more than this look
            _check(one)
