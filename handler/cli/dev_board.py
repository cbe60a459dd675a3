"""What `nightdrop dev` shows: what arrives, what is created, how it goes, and where to look."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from handler.cli.dev_names import name_of
from handler.local.steps import Accepted, Answered, Failed, GivenUp, Retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rich.console import RenderableType

    from handler.local.steps import Step

_COLOURS = {
    "completed": "green",
    "duplicate": "cyan",
    "ignored": "dim",
    "deferred": "yellow",
    "partial": "red",
    "rejected": "red",
    "Successful": "green",
    "Failed": "red",
    "Partially_successful": "red",
    "Timed_out": "red",
    "Running": "yellow",
}
_LINES = 14
_JOBS = 10


@dataclass(frozen=True)
class Line:
    """One thing that happened: when, what it is about, one word for it, and the rest."""

    at: datetime
    about: str
    word: str
    told: str = ""

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S}  {self.about:<22} {self.word:<10} {self.told}".rstrip()


@dataclass
class Board:
    """The state of the screen; several threads add to it.

    Attributes:
        places: Where to look: names and URLs or paths.
        now: The desk's clock.
        echo: Told of every line, where there is no screen to draw on.
    """

    places: Mapping[str, str]
    now: Callable[[], datetime]
    echo: Callable[[str], None] | None = None
    _lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_LINES))
    _jobs: list[dict[str, Any]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def step(self, step: Step) -> None:
        """Add a step of a request."""
        line = line_of(step)
        if line is not None:
            self._add(line)

    def say(self, text: str) -> None:
        """Add a sentence about the desk itself."""
        self._add(Line(self.now(), "desk", "", text))

    def show_jobs(self, jobs: list[dict[str, Any]]) -> None:
        """Take over the fleet's jobs; a change of status is a line of its own without a screen."""
        known = {job["job_id"]: job["status"] for job in self._jobs}
        for job in jobs:
            if self.echo and known.get(job["job_id"]) != job["status"]:
                self._add(Line(self.now(), job["job_name"], job["status"], _progress(job)))
        with self._lock:
            self._jobs = jobs

    def __rich__(self) -> RenderableType:
        """Return what the screen shows."""
        with self._lock:
            lines, jobs = list(self._lines), self._jobs[-_JOBS:]
        places = Table.grid(padding=(0, 2))
        for name, place in self.places.items():
            places.add_row(Text(name, style="dim"), place)
        clock = Text(f"nightdrop dev   {self.now():%Y-%m-%d %H:%M:%S}   Ctrl-C ends it", "bold")
        return Group(clock, places, Text(), _happened(lines), Text(), _fleet(jobs))

    def _add(self, line: Line) -> None:
        with self._lock:
            self._lines.append(line)
        if self.echo:
            self.echo(str(line))


def line_of(step: Step) -> Line | None:
    """Return a step as a line; None for one that says nothing a person waits for."""
    about = name_of(json.loads(step.request.payload))
    if isinstance(step, Accepted):
        return Line(step.at, about, "arrived", f"request {step.request.request_id[:8]}")
    if isinstance(step, Answered):
        return _answered(step, about)
    if isinstance(step, Failed):
        return Line(step.at, about, "failed", step.outcome.error)
    if isinstance(step, Retrying):
        return Line(
            step.at, about, "retry", f"attempt {step.request.attempt} at {step.due:%H:%M:%S}"
        )
    if isinstance(step, GivenUp):
        return Line(step.at, about, "given up", step.trouble or f"notice in {step.notice}")
    return None


def _answered(step: Answered, about: str) -> Line:
    try:
        reply = json.loads(step.outcome.payload)
        outcome, jobs, errors = str(reply["outcome"]), reply["jobs"], reply["errors"]
    except (ValueError, KeyError, TypeError):
        return Line(step.at, about, "answered", step.outcome.payload[:80])
    told = [" ".join(job["job_name"] for job in jobs)] if len(jobs) <= 2 else [f"{len(jobs)} jobs"]  # noqa: PLR2004 - as fits a line
    told += [errors[0] if len(errors) == 1 else f"{len(errors)} errors"] if errors else []
    return Line(step.at, about, outcome, "; ".join(filter(None, told)))


def _happened(lines: list[Line]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True)
    for line in lines:
        word = Text(line.word, style=_COLOURS.get(line.word, ""))
        table.add_row(f"{line.at:%H:%M:%S}", escape(line.about), word, escape(line.told))
    if not lines:
        table.add_row("", "nothing yet:", "", "drop a job spec into the folder above")
    return table


def _fleet(jobs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("job on the fleet", "type", "status", "tasks"):
        table.add_column(column, no_wrap=True)
    for job in jobs:
        status = Text(job["status"], style=_COLOURS.get(job["status"], ""))
        table.add_row(escape(job["job_name"]), job["job_type"], status, _progress(job))
    return table


def _progress(job: dict[str, Any]) -> str:
    tasks = job.get("tasks", [])
    done = sum(task["status"] == "Successful" for task in tasks)
    return f"{done} of {len(tasks)} done" if tasks else ""
