"""One line of the doctor's: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.values.canonical_json import Json

Verdict: TypeAlias = Literal["ok", "warn", "fail"]

WORST_LAST: tuple[Verdict, ...] = ("ok", "warn", "fail")
"""Every verdict; that of several findings is the worst of theirs."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at, in a word or two.
        verdict: `ok`; `warn`, it works but somebody should look; `fail`, it will not work.
        message: What is so, in a sentence without values of files or secrets.
        remedy: What to do about it; "" where there is nothing to do.
    """

    check: str
    verdict: Verdict
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.check}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")

    def to_json(self) -> dict[str, Json]:
        """Return it as the command prints it and the function answers it."""
        said: dict[str, Json] = {
            "check": self.check,
            "verdict": self.verdict,
            "message": self.message,
        }
        return {**said, "remedy": self.remedy} if self.remedy else said


def ok(check: str, message: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(check, "ok", message)


def warn(check: str, message: str, remedy: str) -> Finding:
    """Return that something works, but should be looked at."""
    return Finding(check, "warn", message, remedy)


def fail(check: str, message: str, remedy: str) -> Finding:
    """Return that something will not work."""
    return Finding(check, "fail", message, remedy)


def worst(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict on all of them; `ok` if there are none."""
    return max((one.verdict for one in findings), key=WORST_LAST.index, default="ok")
