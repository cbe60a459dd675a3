"""Output for people: a console, tables, and errors on standard error."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handler.values.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LATER = 75
"""The exit status of a command whose work is still open: EX_TEMPFAIL of sysexits.h."""

STYLES: Mapping[str, str] = {
    "success": "green",
    "failure": "bold red",
    "pending": "default",
    "unknown": "yellow",
}
"""Styles of the outcomes of records."""

GAP = 2
"""Blanks between two columns."""

_LEAST_TEXT = 12  # cells of a column of text, which is wrapped
_PIPE_WIDTH = 100_000  # no line is broken there: programs search lines
_LONGEST_CELL = 2000  # characters; the longest key has 1,024 bytes
_BLANK_ENDS = re.compile(r" +$", re.MULTILINE)
_PROSE = frozenset({"note", "reason", "description", "on the fleet"})
_LEFT = (
    ("deliveries", "delivery is not planned yet", "deliveries are not planned yet"),
    ("jobs", "job is not settled yet", "jobs are not settled yet"),
    (
        "operations",
        "operation on a job is not settled yet",
        "operations on jobs are not settled yet",
    ),
    ("rollouts", "rollout has not ended yet", "rollouts have not ended yet"),
    ("followed", "job still runs on the fleet", "jobs still run on the fleet"),
    ("results", "result file is not written yet", "result files are not written yet"),
)
"""The counts of open work in a reply, in words for one and for several."""


class _Trimmed:
    """A stream of text that gets no blanks at the ends of lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write whole lines."""
        return self._stream.write(_BLANK_ENDS.sub("", text))

    def flush(self) -> None:
        """Hand over what was written."""
        self._stream.flush()


def screen() -> Console:
    """Return the console for standard output; colours and a width only on a terminal."""
    console = Console()
    if console.is_terminal:
        return console
    trimmed = cast("TextIO", _Trimmed(sys.stdout))  # rich asks for no more of it
    return Console(file=trimmed, width=_PIPE_WIDTH, no_color=True)


def complain(message: str) -> None:
    """Print an error on standard error."""
    text = Text.assemble(("nightdrop:", "bold red"), " ", prose(message))
    Console(stderr=True, soft_wrap=True).print(text, highlight=False)


def exit_with_error(message: str, status: int = 2) -> NoReturn:
    """Print an error on standard error and exit."""
    complain(message)
    sys.exit(status)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    optional: Sequence[str] = (),
    indent: int = 0,
) -> Table:
    """Return a plain table; cells are escaped text, never markup.

    Where it is too wide for the terminal, text is wrapped, and columns that may be are left out.

    Args:
        columns: Their names, in order.
        rows: A value for each column.
        optional: Columns that are left out, the rightmost first, if there is no room for them.
        indent: Cells before it.
    """
    cells = [dict(zip(columns, map(_cell_text, columns, row), strict=True)) for row in rows]
    heading = {name: name for name in columns}
    widths = {name: max(cell_len(row[name]) for row in (heading, *cells)) for name in columns}
    widths |= dict.fromkeys(_PROSE & widths.keys(), _LEAST_TEXT)
    most = screen().width - indent
    kept = fitting(widths, optional, most)
    # Only text is wrapped, unless the terminal is too narrow for the rest by itself.
    fits = _line_width(widths, kept) <= most
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in kept:
        drawn.add_column(column, overflow="fold", no_wrap=fits and column not in _PROSE)
    for row in cells:
        drawn.add_row(*(Text(row[name], no_wrap=False) for name in kept))
    return drawn


def fitting(widths: Mapping[str, int], optional: Sequence[str], most: int) -> list[str]:
    """Return the columns that fit into a width.

    Args:
        widths: The cells that each column needs, in order.
        optional: Columns that are left out, the rightmost first, until the others fit.
        most: The width, in cells.
    """
    kept = list(widths)
    for name in reversed(optional):
        if _line_width(widths, kept) <= most:
            break
        kept.remove(name)
    return kept


def _line_width(widths: Mapping[str, int], columns: Sequence[str]) -> int:
    return sum(widths[column] + GAP for column in columns) - GAP


def _cell_text(column: str, value: object) -> str:
    return prose(value) if column in _PROSE else printable(value)


def facts_grid(facts: Iterable[tuple[str, str]]) -> Table:
    """Return names with their values beside them, as escaped text."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(value))
    return grid


def printable(value: object) -> str:
    """Return a value as one line of escaped text."""
    return "" if value is None else display(str(value), longest=_LONGEST_CELL)


def prose(value: object) -> str:
    """Return a value as escaped text that keeps its line breaks."""
    return "\n".join(map(printable, "" if value is None else str(value).split("\n")))


def jobs_table(jobs: Sequence[Mapping[str, object]]) -> Table:
    """Return a table of the jobs in a reply or a result file."""
    from handler.audit.job_end import WRONG

    rows = [(job["job_name"], _state(job), job["job_id"] or "") for job in jobs]
    drawn = table(("job name", "state", "job id"), rows)
    for row, job in zip(drawn.rows, jobs, strict=True):
        row.style = "red" if job["state"] in WRONG else None
    return drawn


def left_open(counts: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind of open work, by the counts of a reply."""
    return [
        f"{counts[kind]} {one if counts[kind] == 1 else several}"
        for kind, one, several in _LEFT
        if counts.get(kind)
    ]


def _state(job: Mapping[str, object]) -> str:
    """Return the state of a job and, once it ended, how many tasks succeeded."""
    counts = f" ({job['succeeded']} of {job['tasks']})" if "tasks" in job else ""
    return f"{job['state']}{counts}"
