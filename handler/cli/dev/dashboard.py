"""What `nightdrop dev` shows: what arrives, what is created, how it goes, and where to look."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from handler.cli.dev.event_line import Line, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from handler.local.async_invocation.progress_events import Step

_COLOURS = {
    "completed": "green",
    "submitted": "green",
    "duplicate": "cyan",
    "ignored": "dim",
    "deferred": "yellow",
    "partial": "red",
    "rejected": "red",
    "failed": "red",
    "given up": "red",
    "Successful": "green",
    "Failed": "red",
    "Partially_successful": "red",
    "Timed_out": "red",
    "Running": "yellow",
}
_LINES = 50
_JOBS = 10
_GAP = 2
_TIME_WIDTH = 8
_WORD_WIDTH = 9
_LEAST_NAME_WIDTH, _MOST_NAME_WIDTH = 16, 44
_NAME_SHARE = 0.3  # of the screen's width


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
        """Add a sentence about the local run itself."""
        self._add(Line(self.now(), "dev", "", text, is_sentence=True))

    def show_jobs(self, jobs: list[dict[str, Any]]) -> None:
        """Take over the fleet's jobs; a change of status is a line of its own without a screen."""
        known = {job["job_id"]: job["status"] for job in self._jobs}
        for job in jobs:
            if self.echo and known.get(job["job_id"]) != job["status"]:
                self._add(Line(self.now(), job["job_name"], job["status"], _progress(job)))
        with self._lock:
            self._jobs = jobs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what the screen shows, as many of the latest lines and jobs as fit on it."""
        with self._lock:
            lines, jobs = list(self._lines), self._jobs[-_JOBS:]
        places = Table.grid(padding=(0, _GAP))
        for name, place in self.places.items():
            places.add_row(Text(name, style="dim"), Text(place, overflow="fold"))
        clock = Text(f"nightdrop dev   {self.now():%Y-%m-%d %H:%M:%S}   Ctrl-C ends it", "bold")
        above = Group(clock, places, Text())
        fleet: list[RenderableType] = [Text(), _fleet(jobs)] if jobs else []
        taken = len(console.render_lines(Group(above, *fleet), options))
        happened = _Happened(lines, room=max(1, console.height - taken - 1))
        yield Group(above, happened, *fleet)

    def _add(self, line: Line) -> None:
        with self._lock:
            self._lines.append(line)
        if self.echo:
            self.echo(str(line))


@dataclass(frozen=True)
class _Happened:
    """The latest lines, in columns of fixed widths: only the note of an event is cropped.

    Attributes:
        lines: The lines, the latest last.
        room: How many rows of the screen there are for them.
    """

    lines: Sequence[Line]
    room: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fitting: list[Table] = []
        left = self.room
        for line in reversed(self.lines):
            row = _row(line, options.max_width)
            left -= len(console.render_lines(row, options))
            if left < 0 and fitting:
                break
            fitting.append(row)
        yield from reversed(fitting)


def _row(line: Line, width: int) -> Table:
    """Return a line as one row; a sentence about the run itself takes the whole width."""
    row = Table.grid(padding=(0, _GAP, 0, 0))
    row.add_column(width=_TIME_WIDTH, style="dim")
    rest = max(1, width - _TIME_WIDTH - _GAP)
    if line.is_sentence:
        row.add_column(width=rest)
        row.add_row(f"{line.at:%H:%M:%S}", Text(line.note, overflow="fold"))
        return row
    name = min(_MOST_NAME_WIDTH, max(_LEAST_NAME_WIDTH, int(width * _NAME_SHARE)))
    for size in (name, _WORD_WIDTH, max(1, rest - name - _WORD_WIDTH - 2 * _GAP)):
        row.add_column(width=size)
    row.add_row(
        f"{line.at:%H:%M:%S}",
        Text(line.about, overflow="fold"),
        Text(line.word, _COLOURS.get(line.word, "")),
        Text(line.note, overflow="ellipsis", no_wrap=True),
    )
    return row


def _fleet(jobs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in ("job on the fleet", "type", "status", "tasks"):
        table.add_column(column)
    for job in jobs:
        status = Text(job["status"], _COLOURS.get(job["status"], ""))
        table.add_row(
            Text(job["job_name"], overflow="fold"), job["job_type"], status, _progress(job)
        )
    return table


def _progress(job: dict[str, Any]) -> str:
    tasks = job.get("tasks", [])
    done = sum(task["status"] == "Successful" for task in tasks)
    return f"{done} of {len(tasks)} done" if tasks else ""
