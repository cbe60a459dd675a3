"""Reads the bytes of a file: returns its documents, or reports all of its errors."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from handler.errors import Problem, SpecRejectedError
from handler.parsing.document import Document, LazyLines
from handler.parsing.json_decoder import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handler.parsing.document import Limits, Path
    from handler.values.canonical_json import Json

_BYTE_ORDER_MARK = "\ufeff"
_JSON_BEGINNINGS = (b'{"', b"[{", b"{\n", b"[\n")  # most specs begin so, and no other format does


def read(data: bytes, limits: Limits) -> tuple[Document, ...]:
    """Read a file or an inline spec: JSON, a JSON array of documents, JSON Lines, or YAML.

    A text whose first character is `{` or `[` is JSON, every other text YAML. One UTF-8 byte order
    mark at the start is skipped, since some editors write it.

    Returns:
        At least one document, in the order of the file.

    Raises:
        SpecRejectedError: The bytes cannot be read; it lists as many problems as were found.
    """
    text = _decoded(data, limits)
    values = _values(text, limits)
    if not values:
        return _with_lines(text, limits)
    known: list[Mapping[Path, int]] = []

    def lines() -> Sequence[Mapping[Path, int]]:  # only messages need line numbers
        if not known and "\n" not in text:
            known.extend({(): 1} for _ in values)  # every part is in the first line
        elif not known:
            known.extend(document.lines for document in _with_lines(text, limits))
        return known

    return tuple(
        Document(number, value, LazyLines(lines, number - 1))
        for number, value in enumerate(values, start=1)
    )


def _check_format(data: bytes) -> None:
    from handler.parsing.foreign_format import detect_bytes_format

    if foreign := detect_bytes_format(data):
        raise SpecRejectedError([Problem(foreign)])


def _with_lines(text: str, limits: Limits) -> tuple[Document, ...]:
    from handler.parsing.lines_reader import read_with_lines

    return read_with_lines(text, limits)


def _values(text: str, limits: Limits) -> list[Json]:
    """Return the documents of valid JSON or JSON Lines, and none of any other text."""
    if text.lstrip()[0] not in "{[":
        return []
    with suppress(ValueError):
        value = decode(text, limits)
        return value if isinstance(value, list) else [value]
    if text.count("\n") > limits.max_nodes:
        return []
    from handler.parsing.json_parser import numbered_lines

    with suppress(ValueError):
        values = [_object(line, limits) for _, line in numbered_lines(text)]
        # The list around the lines is one level that the file does not have.
        return [] if limits._replace(max_depth=limits.max_depth + 1).exceeded_by(values) else values
    return []


def _object(line: str, limits: Limits) -> Json:
    if not line.lstrip(" \t").startswith("{"):
        raise ValueError("perhaps not JSON Lines")
    return decode(line, limits)


def _decoded(data: bytes, limits: Limits) -> str:
    if len(data) > limits.max_bytes:
        size = f"larger than {limits.max_bytes} bytes"
        raise SpecRejectedError([Problem(f"{size}; split it into several files")])
    if not data.startswith(_JSON_BEGINNINGS):
        _check_format(data)
    try:
        text = data.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecRejectedError([Problem("not UTF-8; save it as UTF-8", line=line)]) from None
    if text.startswith(_BYTE_ORDER_MARK):
        message = "begins with more than one byte order mark; save it as UTF-8 without any"
        raise SpecRejectedError([Problem(message, line=1)])
    if "\r" in text:  # a line end in both grammars
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SpecRejectedError([Problem("empty; write at least one entry")])
    return text
