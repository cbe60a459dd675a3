"""Shows what changes: in place on a terminal; elsewhere each change is a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import click
from rich.live import Live

from handler.cli.console import screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import RenderableType

Seen = TypeVar("Seen")


def show_changes(
    looks: Iterable[Seen],
    drawing: Callable[[Seen], RenderableType],
    lines: Callable[[Seen], Iterable[str]],
) -> Seen:
    """Show one look after the other, and return the last one.

    Args:
        looks: What is seen, again and again; at least once.
        drawing: Draws a look for a terminal.
        lines: Returns a look as lines, of which those that were not printed before are.
    """
    console = screen()
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for last in looks:
                live.update(drawing(last), refresh=True)
        return last
    before: set[str] = set()
    for last in looks:
        now = list(lines(last))
        for line in now:
            if line not in before:
                click.echo(line)
        before = set(now)
    return last
