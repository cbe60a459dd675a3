"""A finding of the doctor: a check, its verdict, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handler.values.canonical_json import Json

CheckVerdict: TypeAlias = Literal["ok", "warn", "fail"]

_WORST_LAST: tuple[CheckVerdict, ...] = ("ok", "warn", "fail")
"""Every verdict, the worst last."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: The name of the check.
        verdict: `ok`; `warn`, it works but needs a look; `fail`, it does not work.
        message: The state, in a sentence without secrets.
        remedy: What to do; "" if nothing.
    """

    check: str
    verdict: CheckVerdict
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return `CHECK: MESSAGE; REMEDY`."""
        return f"{self.check}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")

    def to_json(self) -> dict[str, Json]:
        """Return the JSON that the command prints and the function returns."""
        return {name: value for name, value in asdict(self).items() if value}


def ok(check: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, "ok", message)


def warn(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that needs a look."""
    return Finding(check, "warn", message, remedy)


def fail(check: str, message: str, remedy: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(check, "fail", message, remedy)


def worst(findings: Iterable[Finding]) -> CheckVerdict:
    """Return the worst verdict; `ok` if there are no findings."""
    return max((one.verdict for one in findings), key=_WORST_LAST.index, default="ok")
