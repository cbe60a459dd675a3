"""The screen of `nightdrop dev`: addresses, events, rollouts, and the jobs of the fleet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from handler.cli.dev.event_line import EventLine, format_event, replied_rollouts
from handler.cli.rollouts.rollout_row import rollout_line, rollout_style
from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from handler.local.async_invocation.async_request import ProgressEvent

_COLOURS = {
    "submitted": "green",
    "completed": "green",
    "duplicate": "cyan",
    "ignored": "dim",
    "awaiting": "yellow",
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
_MOST_LINES = 50
_MOST_JOBS = 10
_MOST_ROLLOUTS = 5
_GAP = 2
_TIME_WIDTH = 8
_OUTCOME_WIDTH = 9
_LEAST_NAME_WIDTH, _MOST_NAME_WIDTH = 16, 44
_NAME_SHARE = 0.3  # of the screen's width


@dataclass
class Dashboard:
    """The state of the screen; several threads add to it.

    `echo` receives every line if there is no screen to draw on; `outcomes` has the words for the
    events so far, such as `arrived` and `submitted`.
    """

    now: Callable[[], datetime]
    echo: Callable[[str], None] | None = None
    outcomes: list[str] = field(default_factory=list)
    _addresses: Mapping[str, str] = field(default_factory=dict)
    _lines: deque[EventLine] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    _jobs: list[dict[str, Any]] = field(default_factory=list)
    _rollouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _notices: int | None = None
    _lock: Lock = field(default_factory=Lock)

    def add_event(self, event: ProgressEvent) -> None:
        """Add the line for an event; show the rollouts that a reply tells of."""
        for one in replied_rollouts(event):
            with self._lock:
                self._rollouts.pop(one["rollout"], None)
                self._rollouts[one["rollout"]] = one
        if line := format_event(event):
            self.outcomes.append(line.outcome)
            self._add(line)

    def add_sentence(self, text: str) -> None:
        """Add a sentence about the local run itself."""
        self._add(EventLine(self.now(), "dev", "", text, is_sentence=True))

    def show_addresses(self, addresses: Mapping[str, str]) -> None:
        """Show names with their URLs, paths or commands."""
        self._addresses = addresses
        for name, address in addresses.items():
            if self.echo:
                self.echo(f"{name}: {address}")

    def show_jobs(self, jobs: list[dict[str, Any]]) -> None:
        """Replace the jobs; without a screen, add a line for each change of status."""
        known = {job["job_id"]: job["status"] for job in self._jobs}
        for job in jobs:
            if self.echo and known.get(job["job_id"]) != job["status"]:
                self._add(EventLine(self.now(), job["job_name"], job["status"], _progress(job)))
        with self._lock:
            self._jobs = jobs

    def show_notices(self, messages: list[dict[str, Any]]) -> None:
        """Add a line for each notice that the function has sent since the last call.

        Those that an earlier run has left in the folder are not shown.
        """
        known = len(messages) if self._notices is None else self._notices
        self._notices = len(messages)
        for message in messages[known:]:
            self._add(EventLine(self.now(), "notice", "sent", display(message["subject"])))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the screen, with as many of the latest lines and jobs as fit."""
        with self._lock:
            lines, jobs = list(self._lines), self._jobs[-_MOST_JOBS:]
            rollouts = [*self._rollouts.values()][-_MOST_ROLLOUTS:]
        addresses = Table.grid(padding=(0, _GAP))
        for name, address in self._addresses.items():
            addresses.add_row(Text(name, style="dim"), Text(address, overflow="fold"))
        clock = Text(f"nightdrop dev   {self.now():%Y-%m-%d %H:%M:%S}   Ctrl-C ends it", "bold")
        head = Group(clock, addresses, Text())
        fleet: list[RenderableType] = [Text(), *map(_rollout_text, rollouts)] if rollouts else []
        fleet += [Text(), _job_table(jobs)] if jobs else []
        used = len(console.render_lines(Group(head, *fleet), options))
        latest = _LatestLines(lines, height=max(1, console.height - used - 1))
        yield Group(head, latest, *fleet)

    def _add(self, line: EventLine) -> None:
        with self._lock:
            self._lines.append(line)
        if self.echo:
            self.echo(str(line))


@dataclass(frozen=True)
class _LatestLines:
    """The latest lines, in columns of fixed widths; only an event's note is cropped."""

    lines: Sequence[EventLine]
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fitting: list[Table] = []
        left = self.height
        for line in reversed(self.lines):
            row = _row(line, options.max_width)
            left -= len(console.render_lines(row, options))
            if left < 0 and fitting:
                break
            fitting.append(row)
        yield from reversed(fitting)


def _row(line: EventLine, width: int) -> Table:
    """Return a line as one row; a sentence takes the whole width."""
    row = Table.grid(padding=(0, _GAP, 0, 0))
    row.add_column(width=_TIME_WIDTH, style="dim")
    rest = max(1, width - _TIME_WIDTH - _GAP)
    if line.is_sentence:
        row.add_column(width=rest)
        row.add_row(f"{line.at:%H:%M:%S}", Text(line.note, overflow="fold"))
        return row
    name = min(_MOST_NAME_WIDTH, max(_LEAST_NAME_WIDTH, int(width * _NAME_SHARE)))
    for size in (name, _OUTCOME_WIDTH, max(1, rest - name - _OUTCOME_WIDTH - 2 * _GAP)):
        row.add_column(width=size)
    row.add_row(
        f"{line.at:%H:%M:%S}",
        Text(line.subject, overflow="fold"),
        Text(line.outcome, _COLOURS.get(line.outcome, "")),
        Text(line.note, overflow="ellipsis", no_wrap=True),
    )
    return row


def _job_table(jobs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in ("job on the fleet", "type", "status", "tasks"):
        table.add_column(column)
    for job in jobs:
        status = Text(job["status"], _COLOURS.get(job["status"], ""))
        table.add_row(
            Text(job["job_name"], overflow="fold"), job["job_type"], status, _progress(job)
        )
    return table


def _rollout_text(rollout: dict[str, Any]) -> Text:
    line = display(rollout_line(rollout))
    return Text(line, rollout_style(rollout), overflow="ellipsis", no_wrap=True)


def _progress(job: dict[str, Any]) -> str:
    total = job["task_total_count"]
    return f"{job['task_success_count']} of {total} done" if total else ""
