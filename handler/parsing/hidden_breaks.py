"""Hidden breaks: invisible characters that YAML parsers treat as line ends, or skip.

U+0085, U+2028 and U+2029 end a comment and a line for PyYAML, and libyaml skips a byte order mark
at the start of any line; an editor shows none of them. They are refused outside quoted text and
preserved inside it: the parser reads noncharacters instead, so it neither breaks nor counts lines
there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

NONCHARACTERS = "\ufdd0-\ufdef"
"""Characters that no text may hold (Unicode, section 23.7), for a character class."""

_HIDDEN = "\x85\u2028\u2029\ufeff"
_PLACEHOLDERS = "\ufdd0\ufdd1\ufdd2\ufdd3"
_TO_PLACEHOLDERS = str.maketrans(_HIDDEN, _PLACEHOLDERS)
_BACK = str.maketrans(_PLACEHOLDERS, _HIDDEN)
_ANY_HIDDEN = re.compile(f"[{_HIDDEN}]")
_ANY_PLACEHOLDER = re.compile(f"[{_PLACEHOLDERS}]")


class HiddenBreaks:
    """Follows a YAML text's events and finds the first hidden break outside quoted text.

    Attributes:
        text: The text to parse, with placeholders for hidden breaks.
    """

    def __init__(self, text: str) -> None:
        self._any = _ANY_HIDDEN.search(text) is not None
        self.text = text.translate(_TO_PLACEHOLDERS) if self._any else text
        self._after = 0

    def outside_before(self, event: yaml.ScalarEvent) -> int | None:
        """Return the position of a hidden break between the last quoted scalar and this one.

        Args:
            event: The next scalar of the text; the end of a quoted one is stored.
        """
        start, end = event.start_mark, event.end_mark
        if not self._any or event.style not in ("'", '"') or start is None or end is None:
            return None
        found = self._next(start.index)
        self._after = end.index
        return found

    def outside_at_end(self) -> int | None:
        """Return the position of a hidden break after the last quoted scalar."""
        return self._next(len(self.text)) if self._any else None

    def original(self, value: str) -> str:
        """Return a quoted scalar's value with its original characters."""
        return value.translate(_BACK) if self._any else value

    def explain(self, position: int) -> tuple[str, int]:
        """Return the message for a hidden break, and its line."""
        name = f"U+{ord(self.text[position].translate(_BACK)):04X}"
        line = self.text.count("\n", 0, position) + 1
        message = (
            f"an invisible character ({name}) outside quoted text: "
            "YAML and an editor disagree where the line ends; remove it"
        )
        return message, line

    def _next(self, end: int) -> int | None:
        found = _ANY_PLACEHOLDER.search(self.text, self._after, end)
        return found.start() if found else None
