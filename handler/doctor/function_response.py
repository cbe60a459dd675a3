"""The function's response and log lines for `{"action": "doctor"}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.audit.record import Head
from handler.errors import NightdropError
from handler.runtime.response import Answered
from handler.runtime.structured_log import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handler.audit.log import Log
    from handler.doctor.finding import Finding
    from handler.runtime.structured_log import Write


def answered(findings: Sequence[Finding], log: Log, write: Write) -> Answered:
    """Return the response, and write a log line for each error and warning.

    Args:
        findings: All findings.
        log: The audit log; if it cannot be read, the response has an empty head.
        write: Writes a log line.
    """
    for line in lines(findings):
        write(line)
    try:
        head = log.read(lambda view: view.head)
    except NightdropError:
        head = Head()
    return Answered(
        [],
        errors=[str(one) for one in findings if one.verdict == "fail"],
        warnings=[str(one) for one in findings if one.verdict == "warn"],
        checks=[one.to_json() for one in findings],
        head=head,
    )


def lines(findings: Iterable[Finding]) -> Iterable[str]:
    """Yield a log line for each error and warning; errors need attention."""
    for one in findings:
        if one.verdict == "fail":
            yield log_line("attention.needed", {"of": "check.failed", "note": str(one)})
        if one.verdict == "warn":
            yield log_line("check.doubted", {"note": str(one)})
