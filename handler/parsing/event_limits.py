"""Parsed values: an event that somebody else parsed, held to the same limits as a file."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, cast

from handler.errors import EventRejectedError, Problem
from handler.parsing.document import MOST_PROBLEMS, at_most, path_text
from handler.parsing.json_decoder import LARGEST, is_plain
from handler.parsing.tree_builder import MOST_DIGITS, NOT_UNICODE, SURROGATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handler.parsing.document import Limits, Path
    from handler.values.canonical_json import Json


def check(value: object, limits: Limits) -> Json:
    """Return an already parsed event as it is, if it is plain JSON within the limits.

    Raises:
        EventRejectedError: It is too large or too deep, has too many values, or holds what JSON
            cannot: a number that is not finite, half of a surrogate pair, another type.
    """
    if not is_plain(value, limits):
        _refuse(value, limits)
    _check_size(value, limits)
    return cast("Json", value)


def _refuse(value: object, limits: Limits) -> None:
    """Raise what is wrong with a value that is not plain JSON within the limits."""
    problems: list[Problem] = []
    counted = _Counted(limits)
    waiting: list[tuple[object, Path]] = [(value, ())]
    while waiting and len(problems) <= MOST_PROBLEMS:
        part, path = waiting.pop()
        counted.take(part, path)
        problems.extend(Problem(text, path_text(path)) for text in _faults(part))
        waiting.extend(_parts(part, path))
    if problems:
        raise EventRejectedError(at_most(problems))


class _Counted:
    """Counts values and characters before they are queued, so that no queue grows past a limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = 1
        self._characters = 0

    def take(self, part: object, path: Path) -> None:
        """Count a value's characters and its entries.

        Raises:
            EventRejectedError: A limit is passed.
        """
        limits = self._limits
        if isinstance(part, str):
            self._characters += len(part)
        elif isinstance(part, list | dict):
            self._nodes += len(part)
            if len(path) >= limits.max_depth:
                raise _too(f"is nested more than {limits.max_depth} levels deep")
        if self._nodes > limits.max_nodes:
            raise _too(f"holds more than {limits.max_nodes} values")
        if isinstance(part, dict):
            self._characters += sum(len(key) for key in part if isinstance(key, str))
        if self._characters > limits.max_bytes:
            raise _too(f"has more than {limits.max_bytes} bytes")


def _too(what: str) -> EventRejectedError:
    return EventRejectedError([Problem(f"the event {what}")])


def _parts(part: object, path: Path) -> Iterator[tuple[object, Path]]:
    if isinstance(part, dict):
        yield from ((item, (*path, str(key))) for key, item in part.items())
    elif isinstance(part, list):
        yield from ((item, (*path, place)) for place, item in enumerate(part))


def _faults(part: object) -> Iterator[str]:
    """Yield what is wrong with one value, not with those inside it."""
    if isinstance(part, dict):
        yield from _key_faults(part)
    elif isinstance(part, str):
        if SURROGATE.search(part):
            yield NOT_UNICODE
    elif isinstance(part, int | float):
        yield from _number_faults(part)
    elif part is not None and not isinstance(part, list):
        yield "no JSON value"


def _key_faults(part: dict[object, object]) -> Iterator[str]:
    if not all(isinstance(key, str) for key in part):
        yield "a key that is not text"
    elif any(SURROGATE.search(key) for key in part if isinstance(key, str)):
        yield f"a key {NOT_UNICODE}"


def _number_faults(part: float) -> Iterator[str]:
    if isinstance(part, int):
        if abs(part) >= LARGEST:
            yield f"an integer of more than {MOST_DIGITS} digits"
    elif not math.isfinite(part):
        yield "NaN and Infinity are no JSON numbers"


def _check_size(value: object, limits: Limits) -> None:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limits.max_bytes:
        raise _too(f"has more than {limits.max_bytes} bytes")
