"""One thing that happened in a local run, as a line for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.cli.dev.job_names import name_of
from handler.local.async_invocation.progress_events import (
    Accepted,
    Answered,
    Failed,
    GivenUp,
    Retrying,
)
from handler.values.display import display

if TYPE_CHECKING:
    from datetime import datetime

    from handler.local.async_invocation.progress_events import Step

_NAMED_JOBS = 2  # as many as fit into a line
_LISTED_ERRORS = 20
_LONGEST_NOTE = 500


@dataclass(frozen=True)
class Line:
    """One thing that happened.

    Attributes:
        at: When.
        about: What it is about, such as `file camera.yaml`.
        word: What came of it, in one word.
        note: The rest.
        more: What there is to say beyond that, where there is room for it.
        is_sentence: Whether the note is about the local run itself, and found nowhere else.
    """

    at: datetime
    about: str
    word: str
    note: str = ""
    more: tuple[str, ...] = ()
    is_sentence: bool = False

    def __str__(self) -> str:
        """Return it as a line of text, and an indented one for each that there is more."""
        about = "" if self.is_sentence else f"{self.about:<22} {self.word:<10} "
        line = f"{self.at:%H:%M:%S}  {about}{self.note}".rstrip()
        return "\n".join([line, *(f"          {text}" for text in self.more)])


def line_of(step: Step) -> Line | None:
    """Return a step as a line; None for one that says nothing a person waits for."""
    about = name_of(json.loads(step.request.payload))
    if step.request.copy > 1:
        about += f" (copy {step.request.copy})"
    if isinstance(step, Answered):
        return _answered(step, about)
    match step:
        case Accepted():
            word, note = "arrived", _arrived(step)
        case Failed():
            word, note = "failed", display(step.outcome.error, longest=_LONGEST_NOTE)
        case Retrying():
            word, note = "retry", f"attempt {step.request.attempt} at {step.due:%H:%M:%S}"
        case GivenUp():
            word, note = "given up", step.trouble or f"notice in {step.notice}"
        case _:
            return None
    return Line(step.at, about, word, note)


def _arrived(step: Accepted) -> str:
    late = step.request.late
    held = f", delivered {late:.0f} s late (--chaos)" if late else ""
    twice = ", a second delivery (--chaos)" if step.request.copy > 1 else ""
    return f"request {step.request.request_id[:8]}{twice}{held}"


def _answered(step: Answered, about: str) -> Line:
    try:
        reply = json.loads(step.outcome.payload)
        outcome, jobs = str(reply["outcome"]), [str(job["job_name"]) for job in reply["jobs"]]
        errors = [display(str(error), longest=_LONGEST_NOTE) for error in reply["errors"]]
    except (ValueError, KeyError, TypeError):
        return Line(step.at, about, "answered", display(step.outcome.payload[:80]))
    named = " ".join(jobs) if len(jobs) <= _NAMED_JOBS else f"{len(jobs)} jobs"
    said = f"{len(errors)} errors: {errors[0]}" if len(errors) > 1 else "".join(errors)
    note = "; ".join(filter(None, [named, said]))
    return Line(step.at, about, display(outcome), note, tuple(errors[1:_LISTED_ERRORS]))
