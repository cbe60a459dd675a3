"""Foreign text made safe to show: on a terminal, in a log line, in a table or a file.

Names, keys and messages come from whoever drops a file or answers a call. As they are, they could
move the cursor, forge a line, or hide what they say (unicode.org/reports/tr36, "Visual Security").
"""

from __future__ import annotations

import re

LONGEST = 200
"""Characters of a shown text, unless a caller says otherwise."""

# Printable to Python, and yet nothing to see: fillers, the joiner of graphemes, blanks of other
# scripts, variation selectors (Default_Ignorable_Code_Point in DerivedCoreProperties.txt).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code)
    for codes in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
    for code in codes
)
_ASCII = re.compile(r"[ -~]*")
_ELLIPSIS = "…"


def display(text: str, *, longest: int = LONGEST) -> str:
    r"""Return a text as one line that shows what it holds and cannot do anything else.

    What is no printable character (control, escape, bidi, zero-width, line feed, blanks other than
    the space, surrogates) becomes an escape such as `\n`, `\u202e` or `\U000e0001`. A backslash
    stays as it is, so that a text shown twice reads as if shown once.

    Args:
        text: Text from outside, of any length.
        longest: The greatest length of what is returned, in characters, at least 1. What is cut
            off is stood for by an ellipsis; an escape is never cut in the middle.
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
