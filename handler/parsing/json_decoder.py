"""JSON that nothing is wrong with, decoded by the standard library.

The standard library's decoder is fast, but it knows no lines and takes more than RFC 8259 allows.
So only what is right is decoded here. Whatever is in doubt is read again by `json_parser`, which
is slow, knows every line, and says what is wrong.
"""

from __future__ import annotations

import json
import re
from math import inf, isfinite
from typing import TYPE_CHECKING, NoReturn

from handler.parsing.tree_builder import MOST_DIGITS, SURROGATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.parsing.document import Limits
    from handler.values.canonical_json import Json

LARGEST = 10**MOST_DIGITS

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def decode(text: str, limits: Limits) -> Json:
    """Return the one JSON value that a text holds.

    Args:
        text: The text, without surrogates; its size was checked.
        limits: How deep it may be, and how many values it may hold.

    Raises:
        ValueError: Something is wrong, or may be; `json_parser` says what.
    """
    if _ESCAPED_SURROGATE.search(text):
        raise ValueError("an escaped surrogate")
    try:
        value: Json = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not is_plain(value, limits):
        raise ValueError("beyond the limits")
    return value


def is_plain(value: object, limits: Limits) -> bool:
    """Return whether a value is JSON, and its depth, values and characters are within limits.

    It is looked through level by level, so that neither depth nor width costs memory of its own.
    """
    level: list[object] = [value]
    values, characters = 1, 0.0
    for depth in range(limits.max_depth + 1):
        containers = [part for part in level if isinstance(part, dict | list)]
        values += sum(map(len, containers))
        characters += sum(map(_characters, level))
        if values > limits.max_nodes or characters > limits.max_bytes:
            return False
        if containers and depth == limits.max_depth:
            return False
        level = [inside for part in containers for inside in _entries(part)]
    return True


def _entries(container: dict[object, object] | list[object]) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _characters(part: object) -> float:
    """Return how many characters a value has, its keys included; infinite if it is not JSON."""
    if isinstance(part, str):
        return len(part) if part.isascii() or not SURROGATE.search(part) else inf
    if isinstance(part, dict):
        return sum(_characters(key) if isinstance(key, str) else inf for key in part)
    if isinstance(part, float):
        return 0 if isfinite(part) else inf
    if isinstance(part, int):
        return 0 if abs(part) < LARGEST else inf
    return 0 if part is None or isinstance(part, list) else inf


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS or text == "-0":
        raise ValueError("an integer that would not be sent as it is written")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if repr(number) != text:
        raise ValueError("a number that would not be sent as it is written")
    return number


def _no_number(_word: str) -> NoReturn:
    raise ValueError("NaN or Infinity")


def _mapping(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a key twice")
    return mapping


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_float, parse_constant=_no_number, object_pairs_hook=_mapping
)
