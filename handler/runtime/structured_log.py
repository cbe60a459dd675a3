"""Log lines: one JSON object each, with an action and allowed fields only."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from handler.audit.actions import needs_attention
from handler.errors import LogBusyError, LogUnreachableError, NightdropError
from handler.values.canonical_json import short_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from handler.audit.record import Record

    Write: TypeAlias = Callable[[str], None]

LINE_FIELDS = frozenset(
    {
        "outcome", "request_id", "deliveries", "jobs", "milliseconds",
        "of", "seq", "delivery", "job_name", "note",
        "code", "python", "sqlite",
    }
)  # fmt: skip
"""The fields a line may have beside its action."""

LONGEST_LINE = 60_000
"""Characters; the platform's log service splits longer lines, and the halves are no JSON."""

_LONGEST_NOTE = 2_000
_SHORTENED = 200


def write_stdout(line: str) -> None:
    """Write a line to standard output, where the platform's log service collects it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def log_line(action: str, fields: Mapping[str, str | int]) -> str:
    """Return a log line: one JSON object in ASCII, its texts shortened where it gets too long.

    Raises:
        ValueError: A field is not allowed.
    """
    strange = set(fields) - LINE_FIELDS
    if strange:
        raise ValueError(f"a log line has no field {', '.join(sorted(strange))}")
    line = json.dumps({"action": action, **fields}, separators=(",", ":"))
    if len(line) < LONGEST_LINE:
        return line
    short = {
        name: _cut(value, _SHORTENED) if isinstance(value, str) else value
        for name, value in fields.items()
    }
    return json.dumps({"action": action, **short}, separators=(",", ":"))


def tolerant(write: Write) -> Write:
    """Return a writer that drops lines that cannot be written: none may hide what was done."""

    def attempt(line: str) -> None:
        with suppress(OSError, ValueError):
            write(line)

    return attempt


@contextmanager
def logged_errors(write: Write, *, postponed: str, failed: str) -> Iterator[None]:
    """Write a log line for an error instead of raising it: the event's own work is done.

    Args:
        write: Writes the line.
        postponed: The line's action where the log is busy or unreachable.
        failed: The action that a line `attention.needed` names for any other error.
    """
    try:
        yield
    except (LogBusyError, LogUnreachableError) as error:
        line = log_line(postponed, {"note": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, it would hide the event's own error
        why = str(error) if isinstance(error, NightdropError) else type(error).__name__
        line = log_line("attention.needed", {"of": failed, "note": why})
    else:
        return
    write(line)


def attention_lines(records: Iterable[Record]) -> Iterable[str]:
    """Yield an `attention.needed` line for each record that a person must look at."""
    for record in records:
        fields = record.fields
        action = str(fields["action"])
        if not needs_attention(fields):
            continue
        delivery, job = fields.get("delivery"), fields.get("job")
        said: dict[str, str | int] = {
            "of": action,
            "seq": record.seq,
            "note": _cut(str(fields.get("note", "")), _LONGEST_NOTE),
        }
        if isinstance(delivery, dict):
            said["delivery"] = short_key(str(delivery["key"]))
        if isinstance(job, dict):
            said["job_name"] = str(job["name"])
        yield log_line("attention.needed", said)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
