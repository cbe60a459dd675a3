"""The schema of a record's text: canonical JSON of the allowed fields."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handler.audit.record import ALLOWED, OUTCOMES
from handler.values.canonical_json import LARGEST_INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handler.audit.record import Fields
    from handler.values.canonical_json import Json

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "action": re.compile(r"[a-z_]+(?:\.[a-z_]+)+"),
    "at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
    "outcome": re.compile("|".join(OUTCOMES)),
    "prev": re.compile(r"[0-9a-f]{64}"),
}
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""Writes what `canonical` writes for values that `schema_errors` finds nothing wrong with."""
_REQUIRED = (*_PATTERNS, "commit", "seq")


def fields_of(text: bytes) -> Fields:
    """Return the fields of a record's text.

    Raises:
        ValueError: The text is not canonical JSON of an object.
    """
    try:
        fields: Json = json.loads(text.decode())
        rewritten = _encode(fields)
    except (ValueError, RecursionError):
        raise ValueError("is not canonical JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - a fault of the text
    if rewritten != text.decode():
        raise ValueError("is not in canonical form")
    return fields


def schema_errors(fields: Fields) -> Iterator[str]:
    """Yield where fields do not match the schema, as ends of a sentence, without any value."""
    yield from (f"lacks the field {name}" for name in _REQUIRED if name not in fields)
    for name, value in fields.items():
        if name in ALLOWED:
            yield from _part_errors(name, value)
        elif name not in _REQUIRED and name != "note":
            yield "has an unknown field"
        elif not _is_valid(name, value):
            yield f"has an invalid {name}"


def _is_valid(name: str, value: Json) -> bool:
    if name == "seq":
        return type(value) is int and 0 < value <= LARGEST_INTEGER
    pattern = _PATTERNS.get(name)
    return isinstance(value, str) and (pattern is None or pattern.fullmatch(value) is not None)


def _part_errors(name: str, value: Json) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f"has a {name} without fields"
        return
    if not value.keys() <= ALLOWED[name]:
        yield f"has an unknown field in {name}"
    if not all(isinstance(one, str) or _is_integer(one) for one in value.values()):
        yield f"has a value in {name} that is neither text nor an integer"


def _is_integer(value: Json) -> bool:
    return type(value) is int and abs(value) <= LARGEST_INTEGER
