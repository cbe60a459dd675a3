r"""Reads files of `NAME=value` lines, for `--settings` and the emulator's `--env-file`.

    # a comment
    NIGHTDROP_SETTLE_AFTER=60
    export NIGHTDROP_BUCKETS='a,b'        # with or without export
    NIGHTDROP_IEF_INSTANCE="one two"      # either kind of quotes, without expansion

Shells, Docker and dotenv libraries read quotes, blanks and backslashes differently. So a line that
two of them would read differently is refused, and no line is ignored.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from handler.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")
_PLAIN = re.compile(r"(?P<text>(?:[^\s'\"\\$`#][^\s'\"\\$`]*)?)\s*")
_QUOTED = re.compile(r"(?:'(?P<single>[^']*)'|\"(?P<double>[^\"\\$`]*)\")\s*(?:#.*)?")
_LARGEST = 1024 * 1024  # bytes
_MOST_PROBLEMS = 20


def read_env_file(path: Path) -> dict[str, str]:
    """Return the names and values of a file; a byte-order mark and CRLF are accepted.

    Raises:
        SettingsError: The file cannot be read or has invalid lines; the message names each line,
            but no value.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise SettingsError(
            f"{path} is larger than {_LARGEST:,} bytes, the limit of a settings file"
        )
    return parse_env(data, str(path))


def parse_env(data: bytes, name: str) -> dict[str, str]:
    """Return the names and values in the bytes of a file with this name.

    Raises:
        SettingsError: Lines are invalid; the message names each and the reason.
    """
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(f"{name} is not UTF-8 text; save it as UTF-8") from None
    values: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if pair := _pair(line.removesuffix("\r"), values):
                values[pair[0]] = pair[1]
        except ValueError as error:
            problems.append(f"{name}, line {number}: {error}")
    if problems:
        raise SettingsError("\n".join(problems[:_MOST_PROBLEMS]))
    return values


def _pair(line: str, before: Container[str]) -> tuple[str, str] | None:
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    if not line.replace("\t", " ").isprintable():
        raise ValueError("has an invisible character; remove it")
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise ValueError("must be NAME=value, without blanks around the =")
    if parts["name"] in before:
        raise ValueError(f"sets {parts['name']} a second time")
    return parts["name"], _value(parts["value"])


def _value(text: str) -> str:
    if quoted := _QUOTED.fullmatch(text):
        return quoted["single"] or quoted["double"] or ""
    if plain := _PLAIN.fullmatch(text):
        return plain["text"]
    raise ValueError(
        "has a blank, a quote, a backslash, a $ or a ` in its value; put the value in single quotes"
    )
