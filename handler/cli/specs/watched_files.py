"""What becomes of dropped files, as a drawing for a terminal and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from handler.cli.console import printable, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from handler.cli.specs.dropped_file import DropProgress

_MOST_TARGETS = 30
"""Targets that the screen shows; the lines elsewhere have all."""

_STYLES = {"Successful": "green", "Failed": "red", "Timed_out": "red", "Running": "yellow"}


def change_lines(files: Sequence[DropProgress]) -> Iterator[str]:
    """Yield a line for each job, and one for each of its targets."""
    for progress in files:
        for row in progress.rows():
            name = printable(row["job_name"] or row["file"])
            note = str(row["note"]).replace("\n", "; ")
            yield "  ".join(filter(None, (name, str(row["state"]), str(row["progress"]), note)))
        for job_name, target, status in progress.targets():
            yield f"{printable(job_name)}  {printable(target)}: {printable(status)}"


def drawing_of(files: Sequence[DropProgress]) -> RenderableType:
    """Return a table of the jobs, and their targets below it."""
    rows = [row for progress in files for row in progress.rows()]
    columns = ("file", "job_name", "state", "progress", "note")
    jobs = table(columns, [[row[name] for name in columns] for row in rows])
    targets = [one for progress in files for one in progress.targets()]
    lines = [
        Text(f"  {printable(target)}  {printable(status)}", style=_STYLES.get(status, ""))
        for _, target, status in targets[:_MOST_TARGETS]
    ]
    if len(targets) > _MOST_TARGETS:
        lines.append(Text(f"  and {len(targets) - _MOST_TARGETS} more targets", style="dim"))
    return Group(jobs, *lines)
