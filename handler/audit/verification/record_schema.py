"""The form of a record's text: canonical JSON of the allowed fields, told at the speed of `re`.

`FORM` accepts exactly the texts that `flaws` finds nothing wrong with, but for integers of sixteen
digits, which it leaves to `flaws`. It has a place for every allowed field; most records have few,
and few sets of them occur, so `Forms` learns a shorter pattern for each set it comes across.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from handler.audit.record import ALLOWED, OUTCOMES
from handler.values.canonical_json import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from handler.values.canonical_json import Json

Found: TypeAlias = "re.Match[bytes] | None"
Tell: TypeAlias = "Callable[[bytes], Found]"

KIND = slice(11, 24)
"""The characters of a text by which learnt patterns are sorted: the beginning of its action."""

# The escapes of RFC 8785, section 3.2.2.2; all other characters stand for themselves.
_RUN = r"[ !#-\[\]-\xff]*"
_ESCAPE = r'\\(?:["\\bfnrt]|u00(?:0[0-7be-f]|1[0-9a-f]))'
_TEXT = rf'"{_RUN}(?:{_ESCAPE}{_RUN})*"'
_PLAIN = rf'"{_RUN}"'
_INTEGER = r"(?:0|-?[1-9][0-9]{0,14})"
_FIXED: Mapping[str, str] = {
    "action": r'"[a-z_]+(?:\.[a-z_]+)+"',
    "at": r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"',
    "outcome": f'"(?:{"|".join(OUTCOMES)})"',
    "prev": r'"([0-9a-f]{64})"',
    "seq": r"([1-9][0-9]{0,14})",
}
_TEXTS = frozenset({"commit", "note"})
_NEEDED = (*_FIXED, "commit")
_MOST_LEARNT = 256
_WRITTEN = {name: re.compile(pattern) for name, pattern in _FIXED.items()}


def _form() -> str:
    value = rf"(?:{_TEXT}|{_INTEGER})"
    members = []
    for name in sorted({*_FIXED, *_TEXTS, *ALLOWED}):
        if name in ALLOWED:
            within = "".join(rf'(?:(?:(?<={{)|,)"{n}":{value})?' for n in sorted(ALLOWED[name]))
            pattern = rf"\{{(?!\}}){within}\}}"
        else:
            pattern = _FIXED.get(name, _TEXT)
        member = f'{"" if name == "action" else ","}"{name}":{pattern}'
        members.append(member if name in _NEEDED else f"(?:{member})?")
    return rf"\{{{''.join(members)}\}}"


FORM = re.compile(_form().encode())
"""A record's text, in UTF-8; its groups are its time, the hash before it and its number."""


@dataclass
class Forms:
    """Patterns learnt from the texts that have come by; each accepts less than `FORM`.

    But for the hash before it, where they take any 64 characters: whoever asks compares it.

    Attributes:
        learnt: By the `KIND` of text, what to try.
    """

    learnt: dict[bytes, list[Tell]] = field(default_factory=dict)
    _count: int = 0

    def learn(self, text: bytes) -> Found:
        """Match a text that no learnt pattern accepts, and learn from it.

        Returns:
            None if it is no record's text, or only `flaws` can tell.
        """
        found = FORM.fullmatch(text)
        if found and b"\\" not in text and self._count < _MOST_LEARNT:
            shape = re.compile(_shape(json.loads(text)).encode(), re.DOTALL)
            self.learnt.setdefault(text[KIND], []).append(shape.fullmatch)
            self._count += 1
        return found


def _shape(fields: Mapping[str, Json]) -> str:
    members = (f'"{name}":{_pattern(name, value)}' for name, value in fields.items())
    return rf"\{{{','.join(members)}\}}"


def _pattern(name: str, value: Json) -> str:
    if name == "prev":
        return '"(.{64})"'  # what it is compared with is 64 digits
    if isinstance(value, dict):
        return _shape(value)
    return _INTEGER if isinstance(value, int) and name != "seq" else _FIXED.get(name, _PLAIN)


def flaws(text: bytes) -> Iterator[str]:
    """Yield everything that is wrong with the form of a record's text, as ends of a sentence."""
    try:
        fields = json.loads(text.decode())
        rewritten = canonical(fields)
    except (ValueError, RecursionError):
        yield "is not canonical JSON"
        return
    if not isinstance(fields, dict):
        yield "is not a JSON object"
        return
    if rewritten.encode() != text:
        yield "is not in canonical form"
    for name in _NEEDED:
        if name not in fields:
            yield f"lacks the field {name}"
    for name, value in fields.items():
        yield from _flaws_of(name, value)


def _flaws_of(name: str, value: Json) -> Iterator[str]:
    if name in ALLOWED:
        yield from _flaws_of_part(name, value)
    elif name in _FIXED:
        written = f'"{value}"' if isinstance(value, str) else json.dumps(value)
        if not _WRITTEN[name].fullmatch(written) and not _large(name, value):
            yield f"has another {name} than a record can have"
    elif name not in _TEXTS:
        yield "has a field that no record has"
    elif not isinstance(value, str):
        yield f"has a {name} that is no text"


def _flaws_of_part(name: str, value: Json) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f"has a {name} without fields"
        return
    if set(value) - ALLOWED[name]:
        yield f"has a field in {name} that no record has"
    if not all(isinstance(one, str | int) and not isinstance(one, bool) for one in value.values()):
        yield f"has a value in {name} that is neither text nor a whole number"


def _large(name: str, value: Json) -> bool:
    return name == "seq" and isinstance(value, int) and value >= 10**15
