"""Escapes foreign text for terminals, log lines, tables and files.

Names, keys and messages come from dropped files and from services. Unescaped, they could move the
cursor, forge a line, or hide their content (unicode.org/reports/tr36, "Visual Security").
"""

from __future__ import annotations

import re

_LONGEST = 200
"""The default limit of a shown text, in characters."""

# Printable to Python but invisible: fillers, grapheme joiner, blanks of other scripts, variation
# selectors (Default_Ignorable_Code_Point in DerivedCoreProperties.txt).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code)
    for codes in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
    for code in codes
)
_ASCII = re.compile(r"[ -~]*")
_ELLIPSIS = "…"


def display(text: str, *, longest: int = _LONGEST) -> str:
    r"""Return a text as one line of visible characters.

    Other characters (control, escape, bidi, zero-width, line feed, blanks other than the space,
    surrogates) become escapes such as `\n`, `\u202e` or `\U000e0001`. A backslash is not escaped,
    so that showing a text twice changes nothing.

    Args:
        text: Text from outside, of any length.
        longest: The maximum length of the result in characters, at least 1. A longer text ends
            with an ellipsis; an escape is never cut in the middle.
    """
    if len(text) <= longest and _ASCII.fullmatch(text):
        return text
    pieces = [_visible(character) for character in text[: longest + 1]]
    if sum(map(len, pieces)) <= longest:
        return "".join(pieces)
    kept, room = "", longest - len(_ELLIPSIS)
    for piece in pieces:
        if len(kept) + len(piece) > room:
            break
        kept += piece
    return kept + _ELLIPSIS


def _visible(character: str) -> str:
    if character.isprintable() and character not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def quantity(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 job`, `2 jobs` and `2 deliveries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("ry") else f"{number} {noun}s"
