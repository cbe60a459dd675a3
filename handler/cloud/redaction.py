"""Redacts secrets from messages of services.

Services quote their input in other spellings: escaped for JSON, URLs or HTML, in another case, cut
off anywhere. Therefore message and secrets are unescaped and case-folded, and every run of six or
more characters that they share is masked. Shorter values are not secrets: any text contains them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handler.cloud.credentials import Credentials
    from handler.values.canonical_json import Json

MASK = "***"
"""Replaces each masked run."""

UNREADABLE = "unreadable"
"""Replaces a code, word or reason that does not match its pattern."""

RUN = 6
"""The shortest run that is masked, in characters."""

_LONGEST = 1000
_ROUNDS = 4
_ESCAPED = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|(?:\\u[0-9A-Fa-f]{4})+"
    r"|\\x[0-9A-Fa-f]{2}"
    r'|\\["\\/bfnrt]'
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?"
)
_SECRET_FIELDS = frozenset({"value", "args", "command", "secret"})


def redact(message: str, secrets: Iterable[str]) -> str:
    """Return a message, its first 1,000 characters, with everything masked that secrets share."""
    message = message[:_LONGEST]
    levels = [_folded(text, spans) for text, spans in _levels(message)]
    grams = {gram for text, _ in levels for gram in _grams(text)}
    shared = {gram for secret in secrets for gram in _shared(secret, grams)}
    masked = [False] * len(message)
    for text, spans in levels if shared else ():
        for start, gram in enumerate(_grams(text)):
            if gram in shared:
                for first, end in spans[start : start + RUN]:
                    masked[first:end] = [True] * (end - first)
    return _masked(message, masked)


def secrets_of(credentials: Credentials, task_data: str) -> tuple[str, ...]:
    """Return the secrets of a request, for `redact`.

    Args:
        credentials: The keys that the request was signed with.
        task_data: The deployment as JSON text, or "". Its environment variables, arguments,
            commands and secrets count as secrets; all of it, if it is not JSON.
    """
    try:
        values = tuple(_values(json.loads(task_data))) if task_data else ()
    except (ValueError, RecursionError):
        values = (task_data,)
    keys = (credentials.ak, credentials.sk, credentials.token)
    return tuple(dict.fromkeys(secret for secret in (*keys, *values) if len(secret) >= RUN))


def task_data_of(body: bytes) -> str:
    """Return the deployment in the body of a request that creates a job, or ""."""
    if b'"task_data"' not in body:  # it is written as `specs` writes it
        return ""
    try:
        content = cast("dict[str, dict[str, Json]]", json.loads(body)).get("job_content", {})
        task_data = content.get("task_data", "")
    except (AttributeError, ValueError, RecursionError):
        return ""
    return task_data if isinstance(task_data, str) else json.dumps(task_data)


def _values(value: Json) -> Iterator[str]:
    """Yield the values of fields that contain secrets, at any depth."""
    waiting: list[tuple[Json, bool]] = [(value, False)]
    while waiting:
        one, secret = waiting.pop()
        if isinstance(one, dict):
            waiting += [(item, secret or name in _SECRET_FIELDS) for name, item in one.items()]
        elif isinstance(one, list):
            waiting += [(item, secret) for item in one]
        elif secret and not isinstance(one, bool) and one is not None:
            yield str(one)


def _levels(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield a text, then unescaped once, twice …, each with the origin of its characters."""
    spans = [(place, place + 1) for place in range(len(text))]
    for _ in range(_ROUNDS):
        yield text, spans
        pieces: list[str] = []
        places: list[tuple[int, int]] = []
        last = 0
        for found in _ESCAPED.finditer(text):
            first, end = found.span()
            plain = _plain(found)
            pieces += [text[last:first], plain]
            places += spans[last:first]
            places += [(spans[first][0], spans[end - 1][1])] * len(plain)
            last = end
        if not pieces:
            return
        text, spans = "".join([*pieces, text[last:]]), [*places, *spans[last:]]


def _plain(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith("%"):
        return unquote(text)
    if text.startswith("&"):
        from html import unescape  # few messages have any, and its table is large

        return unescape(text)
    if text.startswith("\\x"):
        return chr(int(f"0{text[1:]}", 0))
    return str(json.loads(f'"{text}"'))


def _folded(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    folded = [_fold(character) for character in text]
    places = [span for more, span in zip(folded, spans, strict=True) for _ in more]
    return "".join(folded), places


def _fold(text: str) -> str:
    # In a URL-encoded form a plus is a blank.
    return text.replace("+", " ").casefold()


def _grams(text: str) -> Iterator[str]:
    return (text[start : start + RUN] for start in range(len(text) - RUN + 1))


def _shared(secret: str, grams: set[str]) -> Iterator[str]:
    for _ in range(_ROUNDS if grams else 0):
        yield from (gram for gram in _grams(_fold(secret)) if gram in grams)
        plain = _ESCAPED.sub(_plain, secret)
        if plain == secret:
            return
        secret = plain


def _masked(message: str, masked: list[bool]) -> str:
    shown = "".join("\0" if hidden else one for one, hidden in zip(message, masked, strict=True))
    return re.sub("\0+", MASK, shown) if any(masked) else message
