"""One field of a cron expression, as robfig/cron reads it and FunctionGraph documents it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_TERM = re.compile(
    r"(?P<low>[*?]|[0-9]{1,4}|[a-z]{3})(?:-(?P<high>[0-9]{1,4}|[a-z]{3}))?(?:/(?P<step>[0-9]{1,4}))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Field:
    """What may stand at one place of an expression.

    Attributes:
        name: What people call it.
        low: The smallest value.
        high: The largest value.
        names: Names of three letters that stand for values.
        question: Whether `?` may stand for `*`.
    """

    name: str
    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict)
    question: bool = False

    def read(self, text: str) -> str:
        """Return the field as `*` or as the list of its values.

        `*/2` restricts a day and is a list, `*` does not: that decides whether the two day fields
        are joined by *and* or by *or*.

        Raises:
            ValueError: The field is wrong; the message says what it may be.
        """
        terms = [self._term(term) for term in text.split(",")]
        if any(values is None for values in terms):
            return "*"
        every = sorted(set().union(*(values for values in terms if values is not None)))
        return ",".join(map(str, every))

    def _term(self, text: str) -> range | None:
        found = _TERM.fullmatch(text)
        if found is None or (found["low"] in "*?" and found["high"]):
            raise ValueError(f"the {self.name} must be {self._choice()}, or a list of such")
        if found["low"] == "?" and not self.question:
            raise ValueError(f"the {self.name} may not be ?; only the two day fields may")
        step = int(found["step"] or 1)
        if step == 0:
            raise ValueError(f"the {self.name} has a step of 0; the smallest is 1")
        if found["low"] in "*?":
            return None if step == 1 else range(self.low, self.high + 1, step)
        return self._range(found, step)

    def _range(self, found: re.Match[str], step: int) -> range:
        low = self._value(found["low"])
        # `5/20` means from 5 to the end, `5` alone means 5.
        last = found["high"] or (str(self.high) if found["step"] else found["low"])
        high = self._value(last)
        if high < low:
            raise ValueError(f"the {self.name} has a range that ends before it begins")
        return range(low, high + 1, step)

    def _value(self, text: str) -> int:
        value = int(text) if text.isdecimal() else self.names.get(text.lower(), -1)
        if not self.low <= value <= self.high:
            raise ValueError(f"the {self.name} must be {self._choice()}, or a list of such")
        return value

    def _choice(self) -> str:
        named = f" or a name such as {next(iter(self.names))}" if self.names else ""
        return f"{self.low} to {self.high}{named}, a range, * or a step such as */2"


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31, question=True),
    Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    Field("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}, question=True),
)
"""The six places of an expression, in their order (FunctionGraph user guide, 01_0908)."""
