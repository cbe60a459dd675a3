"""Output for people: a console, tables, and errors on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

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

_PLAIN_WIDTH = 140
_LONGEST_CELL = 2000  # characters; the longest key has 1,024 bytes
_PROSE = frozenset({"note", "asked for by", "description"})
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

_IDENTIFIERS = frozenset({"delivery", "job", "job name", "job_name", "job id"})
"""Columns that shrink last."""


def screen() -> Console:
    """Return the console for standard output; colours and its width only on a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH, no_color=True)


def complain(message: str) -> None:
    """Print an error on standard error."""
    text = Text.assemble(("nightdrop:", "bold red"), " ", prose(message))
    Console(stderr=True, soft_wrap=True).print(text, highlight=False)


def exit_with_error(message: str, status: int = 2) -> NoReturn:
    """Print an error on standard error and exit."""
    complain(message)
    sys.exit(status)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table; cells are escaped text, never markup."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold", no_wrap=column in _IDENTIFIERS)
    for row in rows:
        drawn.add_row(*map(_cell, columns, row))
    return drawn


def _cell(column: str, value: object) -> Text:
    # If the column is too narrow, an identifier continues on the next line.
    return Text(prose(value) if column in _PROSE else printable(value), no_wrap=False)


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

    rows = [(job["document"], job["job_name"], _state(job), job["job_id"] or "") for job in jobs]
    drawn = table(("document", "job name", "state", "job id"), rows)
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
