"""Decodes valid JSON with the standard library.

The standard library's decoder is fast, but reports no line numbers and accepts more than RFC 8259
allows. It decodes only text that is certainly valid. `json_parser` reads everything else: it is
slow, knows every line, and says what is wrong.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from handler.parsing.document import MAX_DIGITS

if TYPE_CHECKING:
    from handler.parsing.document import Limits
    from handler.values.canonical_json import Json

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def decode(text: str, limits: Limits) -> Json:
    """Return the one JSON value that a text holds.

    Raises:
        ValueError: The text is invalid, or may be; `json_parser` says why.
    """
    if _ESCAPED_SURROGATE.search(text):
        raise ValueError("an escaped surrogate")
    try:
        value: Json = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not limits.hold(text) and (exceeded := limits.exceeded_by(value)):
        raise ValueError(exceeded)
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS or text == "-0":
        raise ValueError("an integer that would be sent with another spelling")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if repr(number) != text:
        raise ValueError("a number that would be sent with another spelling")
    return number


def _constant(_word: str) -> NoReturn:
    raise ValueError("NaN or Infinity")


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a duplicate key")
    return mapping


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_float, parse_constant=_constant, object_pairs_hook=_unique_keys
)
