"""Checks an event that was decoded elsewhere against the limits of a file."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, cast

from handler.errors import EventRejectedError, Problem
from handler.parsing.document import MAX_DIGITS, NOT_UNICODE, SURROGATE, first_problems, format_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing.document import Limits, Path
    from handler.values.canonical_json import Json

_TOO_LARGE = 10**MAX_DIGITS
_MOST_FIELDS = 16
"""Of an event that is checked in one look, as a timer's is."""


def check_event(value: object, limits: Limits) -> Json:
    """Return a decoded event unchanged if it is JSON within the limits.

    Raises:
        EventRejectedError: The event exceeds a limit, or holds what JSON cannot hold: a number
            that is not finite, half of a surrogate pair, another type.
    """
    if _is_small(value, limits):
        return cast("Json", value)
    if exceeded := limits.exceeded_by(value):
        raise EventRejectedError([Problem(f"the event {exceeded}")])
    if problems := first_problems(_problems(value, ())):
        raise EventRejectedError(problems)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limits.max_bytes:
        raise EventRejectedError([Problem(f"the event has more than {limits.max_bytes} bytes")])
    return cast("Json", value)


def _is_small(value: object, limits: Limits) -> bool:
    """Return whether a value is certainly an object of few texts, valid Unicode, within limits."""
    if type(value) is not dict or len(value) >= min(_MOST_FIELDS, limits.max_nodes):
        return False
    texts = [*value, *value.values()]
    if any(type(text) is not str for text in texts):
        return False
    # No character has more than six bytes, escaped, and a field six more, for quotes and marks.
    is_within = 6 * (sum(map(len, texts)) + _MOST_FIELDS) <= limits.max_bytes
    return is_within and not SURROGATE.search("".join(texts))


def _problems(part: object, path: Path) -> Iterator[Problem]:
    """Yield what is not JSON in a value; its depth is within the limits."""
    if isinstance(part, dict):
        if any(not isinstance(key, str) for key in part):
            yield Problem("a key that is not text", format_path(path))
        elif any(SURROGATE.search(key) for key in part):
            yield Problem(f"a key {NOT_UNICODE}", format_path(path))
        for key, item in part.items():
            yield from _problems(item, (*path, str(key)))
    elif isinstance(part, list):
        for index, item in enumerate(part):
            yield from _problems(item, (*path, index))
    elif message := _scalar_error(part):
        yield Problem(message, format_path(path))


def _scalar_error(value: object) -> str:
    """Return why a value is not a JSON scalar, or "" if it is one."""
    if isinstance(value, str):
        return NOT_UNICODE if SURROGATE.search(value) else ""
    if isinstance(value, int):
        return f"an integer of more than {MAX_DIGITS} digits" if abs(value) >= _TOO_LARGE else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "NaN and Infinity are not JSON numbers"
    return "" if value is None else "not a JSON value"
