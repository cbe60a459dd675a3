"""What the command prints for people: one console, a few tables, errors on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handler.audit.job_end import WRONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STYLES: Mapping[str, str] = {
    "success": "green",
    "failure": "bold red",
    "pending": "default",
    "unknown": "yellow",
}
"""How the outcomes of records look."""

_PLAIN_WIDTH = 140
_PROSE = frozenset({"note", "asked for by", "description"})


def screen() -> Console:
    """Return the console for standard output: colours and its width only on a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH, no_color=True)


def complain(message: str) -> None:
    """Print what went wrong on standard error."""
    Console(stderr=True, soft_wrap=True).print(
        f"[bold red]nightdrop:[/] {escape(message)}", highlight=False
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table; what the rows hold is printed as it is, control characters escaped."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold", no_wrap=column not in _PROSE)
    for row in rows:
        drawn.add_row(*(escape(printable(cell)) for cell in row))
    return drawn


def printable(value: object) -> str:
    """Return a value as text that cannot move the cursor or forge a line."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def jobs_table(jobs: Sequence[Mapping[str, object]]) -> Table:
    """Return a table of jobs as replies and result files hold them."""
    rows = [(job["document"], job["job_name"], _stands(job), job["job_id"] or "") for job in jobs]
    drawn = table(("document", "job name", "state", "job id"), rows)
    for row, job in zip(drawn.rows, jobs, strict=True):
        row.style = "red" if job["state"] in WRONG else None
    return drawn


def _stands(job: Mapping[str, object]) -> str:
    """Return where a job stands, and how many tasks succeeded once it ended."""
    counts = f" ({job['succeeded']} of {job['tasks']})" if "tasks" in job else ""
    return f"{job['state']}{counts}"
