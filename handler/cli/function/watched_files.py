"""Shows what becomes of dropped files: in place on a terminal, elsewhere each change as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from handler.cli.console import printable, screen, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from handler.cli.function.dropped_file import Look

_MOST_TARGETS = 30
"""Targets that the screen shows; the lines elsewhere have all."""

_STYLES = {"Successful": "green", "Failed": "red", "Timed_out": "red", "Running": "yellow"}


def show_looks(looks: Iterator[Sequence[Look]], *, live: bool) -> Sequence[Look]:
    """Show each look, and return the last one; if not `live`, changes are not printed."""
    console = screen()
    last: Sequence[Look] = ()
    if live and console.is_terminal:
        with Live(console=console, auto_refresh=False) as display:
            for last in looks:
                display.update(_screen(last), refresh=True)
        return last
    before: set[str] = set()
    for last in looks:
        lines = list(_lines(last)) if live else []
        for line in lines:
            if line not in before:
                click.echo(line)
        before |= set(lines)
    return last


def _lines(looks: Sequence[Look]) -> Iterator[str]:
    for look in looks:
        for row in look.rows():
            name = printable(row["job_name"] or row["file"])
            note = str(row["note"]).replace("\n", "; ")
            yield "  ".join(filter(None, (name, str(row["state"]), str(row["progress"]), note)))
        for job_name, target, status in look.targets():
            yield f"{printable(job_name)}  {printable(target)}: {printable(status)}"


def _screen(looks: Sequence[Look]) -> RenderableType:
    rows = [row for look in looks for row in look.rows()]
    columns = ("file", "job_name", "state", "progress", "note")
    jobs = table(columns, [[row[name] for name in columns] for row in rows])
    targets = [one for look in looks for one in look.targets()]
    lines = [
        Text(f"  {printable(target)}  {printable(status)}", style=_STYLES.get(status, ""))
        for _, target, status in targets[:_MOST_TARGETS]
    ]
    if len(targets) > _MOST_TARGETS:
        lines.append(Text(f"  and {len(targets) - _MOST_TARGETS} more targets", style="dim"))
    return Group(jobs, *lines)
