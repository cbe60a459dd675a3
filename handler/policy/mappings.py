"""The mappings inside a value, and their fields by names that no spelling hides."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias
from unicodedata import normalize

if TYPE_CHECKING:
    from handler.parsing import Path
    from handler.values.canonical_json import Json

PlainFields: TypeAlias = "dict[str, list[tuple[str, Json]]]"
"""A mapping's fields by their plain names; two spellings of one name are two entries."""

FoundMapping: TypeAlias = "tuple[Path, PlainFields]"
"""A mapping's path and its fields."""

_STEP = re.compile(r"[./\[\]:]+")
_MOST_PARTS = 8  # of a path: what it names is at its end
_REMEMBERED = 64  # characters of a name whose plain form is kept: files have the same few names


def found_mappings(value: Json) -> list[FoundMapping]:
    """Return every mapping in a value with its path, outermost first."""
    found: list[FoundMapping] = []
    _find((), value, found)
    return found


def _find(path: Path, value: Json, found: list[FoundMapping]) -> None:
    if isinstance(value, dict):
        found.append((path, plain_fields(value)))
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                _find((*path, name), inner, found)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, dict | list):
                _find((*path, place), inner, found)


def plain_fields(mapping: dict[str, Json]) -> PlainFields:
    """Return a mapping's fields by their plain names."""
    fields: PlainFields = {}
    for name, value in mapping.items():
        for plain in _known_names(name) if len(name) <= _REMEMBERED else _plain_names(name):
            fields.setdefault(plain, []).append((name, value))
    return fields


def _plain_names(name: str) -> set[str]:
    """Return a name's plain form, and those of a path's last parts, as `configs.host_network`."""
    parts = _STEP.split(name)[-_MOST_PARTS:]
    tails = (".".join(parts[number:]) for number in range(1, len(parts)))
    return {plain_name(one) for one in (name, *(parts if parts[1:] else ()), *tails)}


_known_names = lru_cache(maxsize=1024)(_plain_names)


def values_of(fields: PlainFields, name: str) -> list[Json]:
    """Return every value of a field: which spelling the API reads is not known."""
    return [value for _, value in fields.get(name, ())]


def has_type(fields: PlainFields, *kinds: str) -> bool:
    """Return whether a mapping's `type`, in any spelling of it, is one of some plain names."""
    if "type" not in fields:
        return False
    named = (one for value in values_of(fields, "type") for one in entries_of(value))
    return any(isinstance(one, str) and plain_name(one) in kinds for one in named)


def entries_of(value: Json) -> list[Json]:
    """Return the entries of a list, or the value itself; nothing for one that says nothing."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def plain_name(name: object) -> str:
    """Return a name as the most tolerant reader compares it.

    Without letter case (Go's reader takes a long s for an s), punctuation and invisible characters,
    and without the `is` that Java puts before the name of a boolean.
    """
    text = str(name)
    return _known_name(text) if len(text) <= _REMEMBERED else _plain_name(text)


def _plain_name(text: str) -> str:
    folded = normalize("NFKC", text).casefold()
    return "".join(filter(str.isalnum, folded)).removeprefix("is")


_known_name = lru_cache(maxsize=1024)(_plain_name)
